// Time as the rest of the program sees it, so that tests can turn the hands themselves.
import { setTimeout as delay } from 'node:timers/promises'

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number
  /** Resolves after `ms` milliseconds; rejects with the signal's reason when it aborts first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

/** The longest that a timer of Node can wait; one that is set for longer fires at once. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => Date.now(),
  async sleep(ms, signal) {
    let left = ms
    do {
      await delay(Math.min(left, LONGEST_TIMER_MS), undefined, signal ? { signal } : undefined)
      left -= LONGEST_TIMER_MS
    } while (left > 0)
  },
}
