// Doing what depends on a store or a service until it is there. Here, and not by a new delivery of the reaction, so that what
// is done of it is not done again; the slot of its lane stays taken meanwhile, which is what holds back more of the same.
import type { Clock } from '../../base/clock.ts'
import { errorMessage } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import { isAway } from '../publish.ts'

export interface InsistParts {
  clock: Clock
  log: Log
  /** Aborts when the worker stops. */
  stopping: AbortSignal
}

const SHORTEST_MS = 1000
const LONGEST_MS = 30_000

/** Throws what is no matter of time, and what was in the way when the worker stops. `refused` hears of each try that failed. */
export async function insist<T>(
  { clock, log, stopping }: InsistParts,
  what: string,
  run: () => Promise<T>,
  refused?: (error: unknown) => void,
): Promise<T> {
  for (let wait = SHORTEST_MS; ; wait = Math.min(wait * 2, LONGEST_MS)) {
    try {
      return await run()
    } catch (error) {
      if (!isAway(error) || stopping.aborted) throw error
      if (wait === SHORTEST_MS)
        log.warn({ error: errorMessage(error) }, `${what} cannot be done yet; it is tried again`)
      refused?.(error)
      // A sleep that ends by the stop of the worker rejects: the reaction is left to another.
      await clock.sleep(wait, stopping).catch(() => Promise.reject(error))
    }
  }
}
