// The gateway: takes webhooks by HTTP and stores each as an event, before it says that it has it.
import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { NatsConnection } from '@nats-io/transport-node'
import { errorMessage } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { isLoopback } from '../base/loopback.ts'
import { readSeed } from '../bus/seed.ts'
import type { Config } from '../config/schema.ts'
import { createEventIds } from '../gateway/event-id.ts'
import { createHandle } from '../gateway/handle.ts'
import { createAllHooks, type Hooks } from '../gateway/hook.ts'
import { createHooks } from '../gateway/hooks.ts'
import { type Renew, startRenewing } from '../gateway/renew.ts'
import { type GatewayServer, startGatewayServer } from '../gateway/server.ts'
import { createGatewayStats } from '../gateway/stats.ts'
import { gatewaySource } from '../metrics/gateway.ts'
import type { Monitored } from '../metrics/metrics.ts'
import { startCore } from './core.ts'

const RENEW_MS = 5000
/** Within which a server that can store answers a ping. */
const ANSWER_MS = 1000

export interface Gateway extends Monitored {
  /** Where it listens. */
  readonly url: string
  /** Hooks of the config. */
  readonly hooks: number
}

export async function startGateway(config: Config, log: Log): Promise<Gateway> {
  const { gateway } = config
  const steady = () => performance.now()
  // What is wrong with them is said before anything is connected.
  const hooks = createAllHooks(gateway, steady)
  createHooks(hooks.all)
  let url = ''
  const running = await startCore(config, '_gateway', log, async ({ stack, nc, fire, clock, metrics, away }) => {
    const stats = createGatewayStats()
    const asked = createProbe(nc)
    const ids = createEventIds(await sharedKey(config))
    const handle = createHandle({ config: gateway, hooks, ids, fire, now: clock.now, steady, log })
    const server = stack.add(
      await startGatewayServer(gateway, { handle, away: async () => away() ?? (await asked()), stats }),
    )
    url = server.url
    metrics.add(gatewaySource(stats, server))
    stack.add(startRenewing({ renewed: renewedOf(config, hooks, server), everyMs: RENEW_MS, log }))
    if (hooks.all.length === 0) log.warn('gateway.hooks is empty, so that every request is refused')
    if (!gateway.tls && !isLoopback(gateway.host))
      log.warn({ host: gateway.host }, 'webhooks are taken without TLS: tokens and bodies can be read on the way here')
  })
  return Object.assign(running, { url, hooks: hooks.all.length })
}

/** Why the server does not answer: one that stands still keeps its connections. Who asks at the same time shares the answer. */
function createProbe(nc: NatsConnection): () => Promise<string | undefined> {
  let asking: Promise<string | undefined> | undefined
  const ask = async () => {
    const answered = new AbortController()
    const late = delay(ANSWER_MS, 'its NATS server does not answer', { signal: answered.signal, ref: false })
    return Promise.race([nc.flush().then(() => undefined, errorMessage), late]).finally(() => answered.abort())
  }
  return () => {
    asking ??= ask().finally(() => {
      asking = undefined
    })
    return asking
  }
}

/** What stands in files: certificate and key, and secrets of hooks. */
function renewedOf({ gateway }: Config, hooks: Hooks, server: GatewayServer): Map<string, Renew> {
  const renewed = new Map<string, Renew>()
  if (gateway.tls) renewed.set('gateway.tls', server.renewTls)
  for (const hook of hooks.all) {
    const { auth } = hook.settings
    if (auth !== 'none' && auth.secrets.some(secret => 'file' in secret))
      renewed.set(hook.pattern, () => hooks.renew(hook))
  }
  return renewed
}

/** Known to every gateway of this installation and to nobody else: made of the key that they log in with. */
async function sharedKey({ seed, namespace }: Config): Promise<string> {
  const secret = seed === undefined ? '' : ((await readSeed(seed)) ?? '')
  return createHash('sha256').update(`ids of webhooks ${namespace} ${secret}`).digest('hex')
}
