// The event `salt/reactor/failed/<rule>`, for rules with `on_failure`: a reaction of theirs has failed for good. It carries
// the event that the reaction was about, for the rule's own facts.
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { errorMessage, ReactorError } from '../../base/errors.ts'
import type { Fire } from '../../bus/fire.ts'
import { fireFailure } from '../../bus/fire-failure.ts'
import { maxPayload } from '../../bus/max-payload.ts'
import { isNoMessage } from '../../bus/no-message.ts'
import { formatStamp, readEvent } from '../../protocol/event.ts'
import type { SeenFacts } from '../../protocol/failure.ts'
import type { Decision, Reaction, ReactionEvent } from '../../protocol/reaction.ts'
import { streamNames } from '../../protocol/streams.ts'
import type { Subjects } from '../../protocol/subject.ts'
import { type InsistParts, insist } from './insist.ts'

/** Resolves once it is stored; told again of the same attempt it is stored once. */
export type TellFailure = (reaction: Reaction, attempt: string, decision: Decision) => Promise<void>

export async function createTellFailure(
  parts: InsistParts & { nc: NatsConnection; subjects: Subjects; fire: Fire },
): Promise<TellFailure> {
  const { nc, subjects, fire } = parts
  const { events } = streamNames(subjects.ns)
  const jsm: JetStreamManager = await jetstreamManager(nc, { checkAPI: false })

  const load = async ({ id, tag, origin, seq, storedMs }: ReactionEvent): Promise<SeenFacts> => {
    const bare = { tag, origin, stamp: formatStamp(storedMs), data: {} }
    if (seq === 0) return bare
    try {
      // Of the stream's leader: another node may not have it yet.
      const stored = await jsm.streams.getMessage(events, { seq })
      const read = stored
        ? readEvent(subjects.eventPrefix, {
            subject: stored.subject,
            text: () => stored.string(),
            header: name => stored.header.get(name) || undefined,
            storedMs,
            seq,
          })
        : undefined
      // A stream that was made anew counts from 1: another event may stand there.
      if (!read?.ok || read.event.id !== id) return bare
      return { ...bare, stamp: read.event.stamp, data: read.event.data }
    } catch (error) {
      if (isNoMessage(error)) return bare
      throw new ReactorError('unreachable', `event ${id} cannot be read: ${errorMessage(error)}`, {}, error)
    }
  }

  return async (reaction, attempt, { reason = '', jids }) => {
    const { rule, event, attempt: attempts = 1 } = reaction
    const seen =
      reaction.seen ?? (await insist(parts, 'a look at the event of a reaction that failed', () => load(event)))
    await fireFailure(
      (...given) => insist(parts, 'the event of a reaction that failed', () => fire(...given)),
      { attempt, rule, reason, attempts, jids, event, seen },
      maxPayload(nc),
    )
  }
}
