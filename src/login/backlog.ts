// How long what a connection delivers has waited to be read. The server sends in order: what comes before the answer to a ping
// was sent before it, and is at least as old as the ping. No clock of another machine is asked.
import type { NatsConnection } from '@nats-io/transport-node'

const PING_EVERY_MS = 250
/** Pings without an answer; the oldest is the one that counts. */
const MAX_PINGS = 100

export interface Backlog {
  /** A message has come. Answers how many milliseconds it has waited at least. */
  waitedMs(): number
}

export function createBacklog(nc: Pick<NatsConnection, 'flush'>, now: () => number = () => performance.now()): Backlog {
  /** When each was sent that has no answer yet; the oldest is first. */
  const pings = new Set<{ at: number }>()
  let last = Number.NEGATIVE_INFINITY
  return {
    waitedMs() {
      const at = now()
      if (at - last >= PING_EVERY_MS && pings.size < MAX_PINGS) {
        last = at
        const ping = { at }
        pings.add(ping)
        const answered = () => void pings.delete(ping)
        // Rejected where the connection is lost, and with it what waited.
        nc.flush().then(answered, answered)
      }
      for (const oldest of pings) return at - oldest.at
      return 0
    },
  }
}
