// What waits for a person, as the worker reads and writes it in the stream PARKED.
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import type { Alarms } from '../../alarms/alarms.ts'
import { errorMessage, ReactorError } from '../../base/errors.ts'
import { isNoMessage } from '../../bus/no-message.ts'
import { parkReaction } from '../../bus/park.ts'
import type { Publisher } from '../../bus/publish.ts'
import type { Parked, Reaction } from '../../protocol/reaction.ts'
import { streamNames } from '../../protocol/streams.ts'
import type { Subjects } from '../../protocol/subject.ts'
import { type InsistParts, insist } from './insist.ts'

export interface Parking {
  /** Resolves once it waits there: a store that is full holds the caller up, and raises an alarm. */
  park(parked: Parked): Promise<void>
  /** What waits of this attempt. */
  find(reaction: Reaction): Promise<Parked | undefined>
  remove(reaction: Reaction): Promise<void>
}

export async function openParking(
  parts: InsistParts & { nc: NatsConnection; subjects: Subjects; publisher: Publisher; alarms: Alarms },
): Promise<Parking> {
  const { subjects, publisher, alarms } = parts
  const stream = streamNames(subjects.ns).parked
  const jsm: JetStreamManager = await jetstreamManager(parts.nc, { checkAPI: false })
  const subjectOf = ({ event, rule }: Pick<Reaction, 'event' | 'rule'>) => subjects.parked(event.id, rule)

  const waiting = async (reaction: Pick<Reaction, 'event' | 'rule'>): Promise<Parked | undefined> => {
    try {
      const stored = await jsm.streams.getMessage(stream, { last_by_subj: subjectOf(reaction) })
      return stored?.json<Parked>()
    } catch (error) {
      if (isNoMessage(error)) return undefined
      throw new ReactorError('unreachable', `what is parked cannot be read: ${errorMessage(error)}`, {}, error)
    }
  }
  const remove = async (reaction: Pick<Reaction, 'event' | 'rule'>) => {
    try {
      await jsm.streams.purge(stream, { filter: subjectOf(reaction) })
    } catch (error) {
      throw new ReactorError('unreachable', `what is parked cannot be removed: ${errorMessage(error)}`, {}, error)
    }
  }
  const store = async (parked: Parked) => {
    if (await parkReaction(publisher, subjects, parked)) return
    const there = await waiting(parked.reaction)
    // An attempt before this one, which a person has tried again and which was not taken away.
    if (there?.key !== parked.key || (there.attempt ?? 1) >= (parked.attempt ?? 1)) return
    await remove(parked.reaction)
    await parkReaction(publisher, subjects, parked)
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
      const there = await insist(parts, 'a look at what is parked', () => waiting(reaction))
      return (there?.attempt ?? 1) === (reaction.attempt ?? 1) ? there : undefined
    },
    remove: reaction => insist(parts, 'the removal of what is parked', () => remove(reaction)),
  }
}
