// Fires the event of a final failure; where it would be larger than a message may be, without the data of its event.
import { ReactorError } from '../base/errors.ts'
import { reactorFailed } from '../protocol/catalogue/rules.ts'
import { type Failure, failureEvent } from '../protocol/failure.ts'
import type { Fire } from './fire.ts'

/** `most`: bytes of a message, where they are known. Throws what `fire` does. */
export async function fireFailure(fire: Fire, failure: Failure, most?: number): Promise<void> {
  const whole = failureEvent(failure)
  try {
    await fire(...reactorFailed.of(failure, whole.data), whole.options)
  } catch (error) {
    if (!(error instanceof ReactorError && error.code === 'bad_event')) throw error
    const bytes = most === undefined ? '' : ` (${most} bytes)`
    const bare = failureEvent(failure, `with it the event would be larger than a message may be${bytes}`)
    await fire(...reactorFailed.of(failure, bare.data), bare.options)
  }
}
