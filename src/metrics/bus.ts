// Numbers of a process's connection to NATS, and whether it has its server.
import type { NatsConnection } from '@nats-io/transport-node'
import { followLink } from '../bus/link.ts'
import type { Publisher } from '../bus/publish.ts'
import type { Source } from './registry.ts'

export interface BusWatch {
  readonly source: Source
  /** Why nothing can be stored or read just now. */
  away(): string | undefined
  stop(): void
}

export function watchBus(nc: NatsConnection, publisher: Publisher): BusWatch {
  let linked = !nc.isClosed()
  let reconnects = 0
  const stop = followLink(nc, {
    down() {
      linked = false
    },
    up() {
      linked = true
      reconnects += 1
    },
  })
  return {
    source() {
      const { inMsgs, outMsgs, inBytes, outBytes } = nc.stats()
      return {
        reactor_nats_connected: linked ? 1 : 0,
        reactor_nats_reconnects_total: reconnects,
        reactor_nats_received_messages_total: inMsgs,
        reactor_nats_sent_messages_total: outMsgs,
        reactor_nats_received_bytes_total: inBytes,
        reactor_nats_sent_bytes_total: outBytes,
        reactor_publisher_pending_messages: publisher.pending(),
      }
    },
    away: () => (linked ? undefined : `its NATS server ${nc.getServer()} is away`),
    stop,
  }
}
