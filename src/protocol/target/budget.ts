// How long matching one target may take. The patterns are bounded, but a fleet times a hostile pattern still adds up,
// and the job worker does nothing else meanwhile.
import { ReactorError } from '../../base/errors.ts'

export interface Budget {
  /** The time counts from here. */
  start(): void
  /** Throws `bad_argument` once the time is over. */
  check(): void
}

export function createBudget(limitMs = 2000, now: () => number = () => performance.now()): Budget {
  let end = now() + limitMs
  return {
    start() {
      end = now() + limitMs
    },
    check() {
      if (now() <= end) return
      throw new ReactorError(
        'bad_argument',
        `matching the target took longer than ${limitMs / 1000} s and was stopped: its patterns are too costly for this` +
          ' fleet; write them without repeats in repeats, or name the minions in a list',
      )
    },
  }
}
