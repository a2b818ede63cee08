// Work that is in hand: begun, and waited for before its owner is done.
import { setTimeout as delay } from 'node:timers/promises'

export interface InHand {
  /** Takes work on. What it throws goes to the `failed` of `createInHand`. */
  add(work: Promise<void>): void
  /** Resolves once nothing is in hand, what was added meanwhile included, or after that many milliseconds. */
  settle(withinMs?: number): Promise<void>
}

/** `failed` must not throw. */
export function createInHand(failed: (error: unknown) => void): InHand {
  const all = new Set<Promise<void>>()
  const empty = async () => {
    while (all.size > 0) await Promise.all(all)
  }
  return {
    add(work) {
      const one = work.catch(failed).finally(() => all.delete(one))
      all.add(one)
    },
    async settle(withinMs) {
      if (withinMs === undefined) return empty()
      const done = new AbortController()
      const late = delay(withinMs, undefined, { ref: false, signal: done.signal }).catch(() => undefined)
      await Promise.race([empty(), late])
      done.abort()
    },
  }
}
