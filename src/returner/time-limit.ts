// The time that one step of a returner may take.
import { createDeadline } from '../alerts/deadline.ts'
import { formatDuration } from '../base/duration.ts'
import { ReactorError } from '../base/errors.ts'

/** A signal that never aborts. */
export const UNSTOPPED: AbortSignal = new AbortController().signal

/** What `work` gives; after `ms` milliseconds its signal aborts, and `timeout` is thrown, which names `place`. */
export async function withinTime<T>(ms: number, place: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const deadline = createDeadline(UNSTOPPED, ms)
  const late = new Promise<never>((_, reject) => {
    deadline.signal.addEventListener('abort', () =>
      reject(new ReactorError('timeout', `${place} gave no answer within ${formatDuration(ms)}`)),
    )
  })
  try {
    return await Promise.race([late, work(deadline.signal)])
  } finally {
    deadline.clear()
  }
}
