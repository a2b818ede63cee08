// Another attempt of a reaction: when it is due, what it has to do, and its storing as a message schedule of the stream.
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

/** `left`: what it has to do; undefined: all. */
export function nextAttempt(reaction: Reaction, left: LeftAction[] | undefined): Reaction {
  const { left: _before, attempt = 1, ...rest } = reaction
  return { ...rest, attempt: attempt + 1, ...(left ? { left } : {}) }
}

/** The message that it will be. */
export function messageOf({ rule, bundle, policy, ...rest }: Reaction): string {
  const batch: ReactionBatch = { rule, bundle, ...(policy ? { policy } : {}), reactions: [rest] }
  return JSON.stringify(batch)
}

/** Bytes of the schedule's message beside its body. */
export const SCHEDULE_BYTES = 1024

/**
 * Stores it; the server puts it on the fast lane when it is due, at once where that is past. Stored again under the same id it
 * stays one. Throws `store_refused` where the stream is full.
 */
export async function scheduleAttempt(
  publisher: Publisher,
  subjects: Subjects,
  next: Reaction,
  due: number,
  id = `retry/${attemptKey(workKey(next.event.id, next.rule), next.attempt)}`,
): Promise<void> {
  const { rule, event } = next
  const headers = {
    'Nats-Schedule': `@at ${new Date(due).toISOString()}`,
    'Nats-Schedule-Target': subjects.reaction('fast', rule),
  }
  await publisher.publish(subjects.reactionRetry(event.id, rule), messageOf(next), { id, headers })
}
