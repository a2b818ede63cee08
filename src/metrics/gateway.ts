// Numbers of a gateway. The hooks are those of the config, and never a path that somebody sent.
import type { GatewayServer } from '../gateway/server.ts'
import type { GatewayStats } from '../gateway/stats.ts'
import type { Source } from './registry.ts'

export function gatewaySource(
  stats: Pick<GatewayStats, 'read'>,
  server: Pick<GatewayServer, 'connections' | 'inHand'>,
): Source {
  return () => {
    const { requests, store } = stats.read()
    return {
      reactor_gateway_requests_total: [...requests].flatMap(([hook, counts]) =>
        [...counts].map(([result, value]) => ({ labels: { hook, result }, value })),
      ),
      reactor_gateway_store_seconds: store,
      reactor_gateway_requests_in_hand: server.inHand(),
      reactor_gateway_connections: server.connections(),
    }
  }
}
