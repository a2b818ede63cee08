// A run whose job was ended: a state that takes no notice of that is left behind, as the job itself does, so that the next
// run gets its turn.
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { GRACE_MS } from '../execution/group.ts'

/** Commands have the grace to end, and are killed; what goes on after that has none. */
const LEAVE_AFTER_MS = 2 * GRACE_MS

/** The work; once it is this long after the signal, the signal's reason is thrown, and the work goes on alone. */
export async function orLeftBehind<T>(
  work: Promise<T>,
  signal: AbortSignal,
  afterMs: number = LEAVE_AFTER_MS,
): Promise<T> {
  const over = new AbortController()
  const left = async (): Promise<never> => {
    if (!signal.aborted) await once(signal, 'abort', { signal: over.signal })
    await delay(afterMs, undefined, { signal: over.signal, ref: false })
    throw signal.reason
  }
  try {
    return await Promise.race([work, left()])
  } finally {
    over.abort()
  }
}
