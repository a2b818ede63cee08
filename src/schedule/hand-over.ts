// A due slot as a reaction of its own for the job workers, and a skipped one as an event. Both have ids that follow from the
// entry and the slot: who says them twice has said them once.
import { createHash } from 'node:crypto'
import type { Fire } from '../bus/fire.ts'
import type { Publisher } from '../bus/publish.ts'
import { scheduleSkip } from '../protocol/catalogue/schedules.ts'
import { formatStamp } from '../protocol/event.ts'
import type { ReactionAction } from '../protocol/job.ts'
import { type ReactionBatch, workKey } from '../protocol/reaction.ts'
import { ruleOfEntry, slotId } from '../protocol/schedule.ts'
import type { Subjects } from '../protocol/subject.ts'
import type { Skip } from './timetable.ts'

/** Milliseconds within which the stream must have taken it; it is tried again, by whoever leads then. */
const WITHIN_MS = 5000

export type HandOver = (name: string, slot: number, action: ReactionAction) => Promise<void>

/** Resolves once it is stored. Throws `store_refused`, `unreachable`. */
export function createHandOver(subjects: Subjects, publisher: Publisher): HandOver {
  return async (name, slot, action) => {
    const rule = ruleOfEntry(name)
    const id = slotId(name, slot)
    const event = { id, tag: '', origin: '_schedule', seq: 0, storedMs: slot, hops: 0 }
    const batch: ReactionBatch = { rule, bundle: '', reactions: [{ event, actions: [action] }] }
    const options = { id: workKey(id, rule), deadlineMs: WITHIN_MS }
    await publisher.publish(subjects.reaction('fast', rule), JSON.stringify(batch), options)
  }
}

/** `secret`: nobody else can make the ids of these events, and have one taken for said. */
export async function tellSkip(fire: Fire, secret: string, name: string, skip: Skip): Promise<void> {
  const { reason, from, to, count, over } = skip
  const id = createHash('sha256')
    .update(`${secret}\n${name}\n${from}\n${reason}\n${over ? to : ''}`)
    .digest('hex')
  const data = { name, reason, from: formatStamp(from), to: formatStamp(to), count }
  await fire(...scheduleSkip.of({ name }, data), { id: id.slice(0, 32), deadlineMs: WITHIN_MS })
}
