// Waiting for a time that something else may cut short.
import type { Clock } from '../base/clock.ts'

interface Wake {
  /** Ends the wait; where nobody waits, the next one is over at once. */
  wake(): void
  /** Resolves after `ms` milliseconds (Infinity: no limit), when woken, or when `signal` aborts. One waits at a time. */
  wait(ms: number, signal: AbortSignal): Promise<void>
}

export function createWake(clock: Clock): Wake {
  let woken = new AbortController()
  return {
    wake: () => woken.abort(),
    async wait(ms, signal) {
      const over = AbortSignal.any([woken.signal, signal])
      try {
        if (!over.aborted) await clock.sleep(Math.max(ms, 0), over)
      } catch (error) {
        if (!over.aborted) throw error
      }
      if (woken.signal.aborted) woken = new AbortController()
    },
  }
}
