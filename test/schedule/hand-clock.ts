// A clock that the test turns: sleepers wake at their times, one after another, and what they do is done before it goes on.
import type { Clock } from '../../src/base/clock.ts'

export interface HandClock extends Clock {
  /** Turns to `now + ms`. */
  turn(ms: number): Promise<void>
  /** Sets it, as a person or ntpd does: sleepers do not hear of it. */
  set(ms: number): void
}

export function createHandClock(start: number): HandClock {
  let now = start
  /** What sleepers see is not set with the clock. */
  let passed = 0
  const sleepers = new Set<{ until: number; wake(): void }>()
  const settle = async () => {
    for (let n = 0; n < 20; n++) await new Promise(resolve => setImmediate(resolve))
  }
  return {
    now: () => now,
    set(ms) {
      now = ms
    },
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason)
        const end = (how: () => void) => () => {
          sleepers.delete(sleeper)
          signal?.removeEventListener('abort', stop)
          how()
        }
        const stop = end(() => reject(signal?.reason))
        const sleeper = { until: passed + ms, wake: end(resolve) }
        sleepers.add(sleeper)
        signal?.addEventListener('abort', stop, { once: true })
      }),
    async turn(ms) {
      const end = passed + ms
      await settle()
      for (;;) {
        const [next] = [...sleepers].filter(({ until }) => until <= end).sort((a, b) => a.until - b.until)
        const to = next?.until ?? end
        now += to - passed
        passed = to
        next?.wake()
        await settle()
        if (!next) return
      }
    },
  }
}
