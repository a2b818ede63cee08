// Wrong passwords: after a few, a name is looked at only now and then, as long as the guesses come from one address. Who comes
// from elsewhere is not kept waiting by them, or anybody could lock an operator out.
import type { Clock } from '../base/clock.ts'

/** Wrong ones in a row that cost no wait. */
const FREE = 5
const FIRST_WAIT_MS = 1000
const LONGEST_WAIT_MS = 30_000
/** After this long without another they are forgotten. */
const FORGET_MS = 600_000
/** Names with their addresses; the one that was tried least recently gives way. */
const MAX_KEPT = 10_000

export interface Guesses {
  /**
   * Runs the check of a password, which gives undefined where it is wrong; or tells after how many milliseconds the next one
   * is looked at. Throws what the check throws, which counts as no guess.
   */
  check<T>(name: string, host: string, run: () => Promise<T | undefined>): Promise<{ found?: T } | { waitMs: number }>
}

interface Tried {
  wrong: number
  at: number
  waitMs: number
  checking: boolean
}

export function createGuesses(clock: Pick<Clock, 'now'>, { maxKept = MAX_KEPT }: { maxKept?: number } = {}): Guesses {
  /** The one tried least recently is first. */
  const tried = new Map<string, Tried>()

  const drop = (now: number) => {
    for (const [key, { at }] of tried) {
      if (now - at < FORGET_MS && tried.size <= maxKept) return
      tried.delete(key)
    }
  }

  return {
    async check(name, host, run) {
      const key = `${name} ${host}`
      const before = tried.get(key)
      const now = clock.now()
      // A clock that is set back would make a wait of seconds one of hours.
      if (before && now < before.at) before.at = now
      if (before && now - before.at < before.waitMs) return { waitMs: before.at + before.waitMs - now }
      // One at a time: those who come at the end of the wait would all be looked at.
      const slow = before !== undefined && before.wrong >= FREE
      if (slow && before.checking) return { waitMs: FIRST_WAIT_MS }
      if (slow) before.checking = true
      try {
        const found = await run()
        if (found !== undefined) {
          tried.delete(key)
          return { found }
        }
      } finally {
        if (slow) before.checking = false
      }
      const wrong = (tried.get(key)?.wrong ?? 0) + 1
      const waitMs = wrong < FREE ? 0 : Math.min(FIRST_WAIT_MS * 2 ** Math.min(wrong - FREE, 10), LONGEST_WAIT_MS)
      tried.delete(key)
      tried.set(key, { wrong, at: clock.now(), waitMs, checking: false })
      drop(clock.now())
      return {}
    },
  }
}
