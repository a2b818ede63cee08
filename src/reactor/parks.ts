// How much of the store of parked reactions a rule may take that fails on event after event: the store is everybody's, and what
// could not be rendered is in the ledger whole, with its event. And when a person is told that a rule keeps failing.
import { performance } from 'node:perf_hooks'

export interface Parks {
  hasRoom(rule: string): boolean
  /** A reaction of the rule could not be rendered, and that is recorded. True: the rule keeps failing. */
  failed(rule: string): boolean
  /** One could. */
  succeeded(rule: string): void
}

/** Stored in an hour; a person goes through these, and not through more. */
export const MOST_STORED = 1000
const HOUR_MS = 3_600_000
/** In a row. */
export const KEEPS_FAILING = 5

export function createParks(): Parks {
  /** Of rules that have failed. */
  const streaks = new Map<string, number>()
  const hours = new Map<string, { began: number; stored: number }>()

  const hourOf = (rule: string) => {
    const now = performance.now()
    let hour = hours.get(rule)
    if (!hour || now - hour.began >= HOUR_MS) {
      for (const [name, { began }] of hours) if (now - began >= HOUR_MS) hours.delete(name)
      hour = { began: now, stored: 0 }
      hours.set(rule, hour)
    }
    return hour
  }

  return {
    hasRoom: rule => hourOf(rule).stored < MOST_STORED,
    failed(rule) {
      const streak = (streaks.get(rule) ?? 0) + 1
      streaks.set(rule, streak)
      const hour = hourOf(rule)
      hour.stored += 1
      return streak >= KEEPS_FAILING || hour.stored > MOST_STORED
    },
    succeeded(rule) {
      if (streaks.size > 0) streaks.delete(rule)
    },
  }
}
