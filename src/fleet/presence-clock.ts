// The time in which silence is judged: it passes only while this process can hear. Each tick ends with a round trip to the
// server, after which everything has been heard that the server had for this process. While the link is down, or hangs, nothing
// comes back; while this process is stopped, nobody asks: then the time stands still, and what was missed is said.
import { setTimeout as delay } from 'node:timers/promises'
import type { NatsConnection } from '@nats-io/transport-node'
import type { Running } from '../base/service.ts'
import { followLink } from '../bus/link.ts'

export interface ClockParts {
  nc: Pick<NatsConnection, 'flush'>
  /** Tells when the link was down, until the returned function is called. */
  follow(onUp: () => void): () => void
  tickMs: number
  /** Without a round trip for this long, something may have been missed. */
  deafMs: number
  /** After each round trip. `missed`: not everything was heard since the one before. */
  onTick(now: number, missed: boolean): void
  /** Milliseconds on a clock that nobody sets. */
  real?(): number
}

export interface HearingClock extends Running {
  /** Milliseconds during which this process could hear; between two ticks as if it could. */
  now(): number
}

export const followLinkOf =
  (nc: NatsConnection): ClockParts['follow'] =>
  up =>
    followLink(nc, { up })

export function startHearingClock(parts: ClockParts): HearingClock {
  const { nc, tickMs, deafMs, onTick, real = () => performance.now() } = parts
  const stopping = new AbortController()
  let now = 0
  let heardAt = real()
  let missed = false
  const unfollow = parts.follow(() => {
    missed = true
  })

  // A tick that is late is a stop, or a link that hung: heartbeats of that time come all at once, or are lost.
  const atMost = (passed: number) => Math.min(passed, 2 * tickMs)

  const tick = async () => {
    await delay(tickMs, undefined, { ref: false, signal: stopping.signal })
    await nc.flush()
    const passed = real() - heardAt
    heardAt += passed
    now += atMost(passed)
    const deaf = missed || passed > deafMs
    missed = false
    if (!stopping.signal.aborted) onTick(now, deaf)
  }
  void (async () => {
    while (!stopping.signal.aborted)
      await tick().catch(() => {
        missed = true
      })
  })()

  return {
    now: () => now + atMost(real() - heardAt),
    async stop() {
      stopping.abort()
      unfollow()
    },
  }
}
