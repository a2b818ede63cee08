// Another attempt of a reaction: when it is due, what it has to do, and its storing as a message schedule of the stream.
import { headers as createHeaders } from '@nats-io/transport-node'
import type { Publisher } from '../../bus/publish.ts'
import {
  attemptKey,
  type LeftAction,
  type Reaction,
  type ReactionBatch,
  type ReactionPolicy,
  workKey,
} from '../../protocol/reaction.ts'
import type { Subjects } from '../../protocol/subject.ts'

/** Of a rule that wants attempts and does not say how far apart. */
const BACKOFF_MS = [1000, 300_000] as const

/** Milliseconds before the attempt after this one: doubled from one to the next; half of it fixed, half by chance. */
export function backoff(policy: ReactionPolicy | undefined, attempt: number, chance = Math.random): number {
  const [shortest, longest] = policy?.backoff ?? BACKOFF_MS
  const wait = Math.min(longest, shortest * 2 ** Math.min(attempt - 1, 40))
  return Math.round(wait / 2 + (chance() * wait) / 2)
}

/** The next attempt as the message that it will be. */
export function nextAttempt(reaction: Reaction, left: LeftAction[] | undefined): string {
  const { rule, bundle, policy, left: _before, attempt = 1, ...rest } = reaction
  const batch: ReactionBatch = {
    ...{ rule, bundle },
    ...(policy ? { policy } : {}),
    reactions: [{ ...rest, attempt: attempt + 1, ...(left ? { left } : {}) }],
  }
  return JSON.stringify(batch)
}

/** Bytes of the schedule's message beside its body. */
export const SCHEDULE_BYTES = 1024

/** Stores it; the server puts it on the fast lane when it is due, at once where that is past. Stored again it stays one. */
export async function scheduleAttempt(
  publisher: Publisher,
  subjects: Subjects,
  reaction: Reaction,
  body: string,
  due: number,
): Promise<void> {
  const { rule, event, attempt = 1 } = reaction
  const headers = createHeaders()
  headers.set('Nats-Schedule', `@at ${new Date(due).toISOString()}`)
  headers.set('Nats-Schedule-Target', subjects.reaction('fast', rule))
  await publisher.publish(subjects.reactionRetry(event.id, rule), body, {
    id: `retry/${attemptKey(workKey(event.id, rule), attempt + 1)}`,
    headers,
  })
}
