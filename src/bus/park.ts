// Storing a reaction that waits for a person, under its event and its rule; parked twice it is stored once.
import { ReactorError } from '../base/errors.ts'
import { attemptKey, type Parked } from '../protocol/reaction.ts'
import type { Subjects } from '../protocol/subject.ts'
import { isTaken } from './pub-ack.ts'
import type { Publisher } from './publish.ts'

/**
 * A reaction that no message can hold together with its reason is stored without its actions. False where one of its event
 * and rule waits already: what waits is not replaced. `options`: as of the publisher.
 */
export async function parkReaction(
  publisher: Publisher,
  subjects: Subjects,
  parked: Parked,
  options: { id?: string; deadlineMs?: number } = {},
): Promise<boolean> {
  const { rule, bundle, event } = parked.reaction
  const id = `parked/${attemptKey(parked.key, parked.attempt)}`
  const store = async (shown: Parked) => {
    try {
      await publisher.publish(subjects.parked(event.id, rule), JSON.stringify(shown), {
        id,
        ...options,
      })
      return true
    } catch (error) {
      if (!isTaken(error)) throw error
      return false
    }
  }
  try {
    return await store(parked)
  } catch (error) {
    if (!(error instanceof ReactorError && error.code === 'bad_event')) throw error
    return store({ ...parked, reaction: { rule, bundle, event } })
  }
}
