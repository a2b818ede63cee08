// What waits for a person, as the worker reads and writes it in the stream PARKED.
import type { Alarms } from '../../alarms/alarms.ts'
import { errorMessage } from '../../base/errors.ts'
import { parkReaction } from '../../bus/park.ts'
import type { Publisher } from '../../bus/publish.ts'
import { newEventId } from '../../protocol/event.ts'
import type { Parked, Reaction } from '../../protocol/reaction.ts'
import type { Subjects } from '../../protocol/subject.ts'
import type { Pending, StoredParked } from '../control/pending.ts'
import { type InsistParts, insist } from './insist.ts'

export interface Parking {
  /** Resolves once it waits there: a store that is full holds the caller up, and raises an alarm. */
  park(parked: Parked): Promise<void>
  /** What waits of this attempt. */
  find(reaction: Reaction): Promise<StoredParked | undefined>
  /** That very message: what was parked after it stays. */
  remove(found: StoredParked): Promise<void>
}

export function createParking(
  parts: InsistParts & {
    pending: Pick<Pending, 'parked' | 'purgeParked'>
    subjects: Subjects
    publisher: Publisher
    alarms: Alarms
  },
): Parking {
  const { pending, subjects, publisher, alarms } = parts

  const store = async (parked: Parked): Promise<void> => {
    const { event, rule } = parked.reaction
    // What waits is told by its subject. An id of its own, as the stream may remember one that was taken away since.
    const put = () => parkReaction(publisher, subjects, parked, { id: newEventId() })
    if (await put()) return
    const there = await pending.parked(event.id, rule)
    // Taken away since.
    if (!there) return void (await put())
    // An attempt before this one, which a person has tried again and which was not taken away.
    if (there.parked.key !== parked.key || (there.parked.attempt ?? 1) >= (parked.attempt ?? 1)) return
    await pending.purgeParked(there)
    await put()
  }

  return {
    async park(parked) {
      let refused = false
      await insist(
        parts,
        'the parking of a reaction',
        () => store(parked),
        error => {
          refused = true
          alarms.raise('parked', '', { rule: parked.reaction.rule, reason: errorMessage(error) })
        },
      )
      if (refused) alarms.clear('parked', '')
    },
    async find(reaction) {
      const { event, rule, attempt = 1 } = reaction
      const there = await insist(parts, 'a look at what is parked', () => pending.parked(event.id, rule))
      return (there?.parked.attempt ?? 1) === attempt ? there : undefined
    },
    remove: found => insist(parts, 'the removal of what is parked', () => pending.purgeParked(found)),
  }
}
