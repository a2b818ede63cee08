// What a person does with a reaction: retry, drop, approve, deny. Each is a few writes in an order that a crash between any
// two of them leaves something to do again, and nothing undone or done twice.
import type { Clock } from '../../base/clock.ts'
import { asReactorError, ReactorError } from '../../base/errors.ts'
import type { Publisher } from '../../bus/publish.ts'
import type { SeenFacts } from '../../protocol/failure.ts'
import {
  attemptKey,
  type Decision,
  type Reaction,
  type ReactionBatch,
  type ReactionEvent,
} from '../../protocol/reaction.ts'
import type { ReactionOperation, ReactionResult, ReactionState } from '../../protocol/reaction-view.ts'
import type { Subjects } from '../../protocol/subject.ts'
import { joinTrace, type Trace } from '../../protocol/trace.ts'
import type { Ledger } from '../ledger.ts'
import { type Pending, SCHEDULE_HEADER } from './pending.ts'
import { findStanding, type Standing, type StandingParts } from './standing.ts'

export interface OperateParts extends StandingParts {
  pending: Pending
  publisher: Publisher
  subjects: Subjects
  ledger: Pick<Ledger, 'append' | 'has' | 'sync'>
  /** Asks a reactor to decide anew on the event that has that id at `seq` by one rule; throws what it answers. */
  decide(request: DecideRequest): Promise<unknown>
  clock: Pick<Clock, 'now'>
}

export interface DecideRequest extends Pick<Trace, 'hops' | 'chain'> {
  seq: number
  id: string
  rule: string
  attempt: number
  /** Of a rule over many events: what the reaction is about, and what was collected. */
  window?: { event: ReactionEvent; seen: SeenFacts }
}

/** Who asks: an operator, or a rule by a job of its, with the chain of that. */
export interface Asker extends Trace {
  user: string
}

const TAKES: Record<ReactionOperation, readonly ReactionState[]> = {
  retry: ['parked', 'retrying'],
  drop: ['waiting', 'retrying', 'parked', 'held'],
  approve: ['held'],
  deny: ['held'],
}

/** States in which there is something to do for `operation`. */
export const statesFor = (operation: ReactionOperation): readonly ReactionState[] => TAKES[operation]

/** What was done, or why nothing was: a refusal is no error, nor is what fails. */
export async function operate(
  parts: OperateParts,
  operation: ReactionOperation,
  key: string,
  asker: Asker,
): Promise<ReactionResult> {
  const by = asker.user
  let was: ReactionState | null = null
  try {
    const standing = await findStanding(parts, key)
    if (!standing)
      return { key, ok: false, was, comment: `there is no reaction '${key.slice(0, 200)}', or not any more` }
    was = standing.state
    // What a crash left there of one that has its end.
    if (standing.parked && (was === 'done' || was === 'dropped')) await parts.pending.purgeParked(standing.parked)
    if (!TAKES[operation].includes(was)) return { key, ok: false, was, comment: refusal(operation, standing) }
    const comment =
      operation === 'drop' || operation === 'deny'
        ? await drop(parts, standing, operation, by)
        : await again(parts, standing, operation, asker)
    return comment === undefined ? { key, ok: false, was, comment: dealtWith(was) } : { key, ok: true, was, comment }
  } catch (error) {
    const { message } = asReactorError(error)
    return { key, ok: false, was, comment: message }
  }
}

/** Undefined: somebody was quicker. */
async function drop(
  parts: OperateParts,
  standing: Standing,
  operation: 'drop' | 'deny',
  by: string,
): Promise<string | undefined> {
  const { state, parked, retry, reaction } = standing
  const isGone = (state === 'parked' || state === 'held') && !reaction
  if (isGone && !(await isLeftover(parts, standing))) return undefined
  const reason = operation === 'deny' ? 'denied' : `dropped while it was ${state}`
  // First: whoever meets what is left of it from now on, be it in a lane or when its time comes, finds it in the ledger.
  await parts.ledger.append({ ...decisionOf(parts, standing, by), state: 'dropped', reason })
  if (parked) await parts.pending.purgeParked(parked)
  if (retry) await parts.pending.purgeRetry(retry)
  return operation === 'deny' ? 'denied' : 'dropped'
}

/** Undefined: somebody was quicker. */
async function again(
  parts: OperateParts,
  standing: Standing,
  operation: 'retry' | 'approve',
  asker: Asker,
): Promise<string | undefined> {
  if (standing.state === 'retrying') return soon(parts, standing, asker)
  const by = asker.user
  const { reaction, parked, attempt, rule, event } = standing
  if (!reaction) {
    if (!(await isLeftover(parts, standing))) return undefined
    throw new ReactorError('not_found', 'what was parked of it is gone, so it cannot run again: drop it')
  }
  const next = attempt + 1
  // A crash after this leaves it parked beside its next attempt: retried again, that is the same message to the stream, the
  // same key to the ledger, and the same jids to the job records, so it is done once.
  if ('actions' in reaction) {
    const { rule: _rule, bundle, policy, ...rest } = reaction
    const about = joinTrace(reaction.event, asker)
    const body: ReactionBatch = {
      ...{ rule, bundle },
      ...(policy ? { policy } : {}),
      reactions: [{ ...rest, event: about, attempt: next, ...(operation === 'approve' ? { approved: true } : {}) }],
    }
    await parts.publisher.publish(parts.subjects.reaction('fast', rule), JSON.stringify(body), {
      id: attemptKey(standing.key, next),
      deadlineMs: STORE_WITHIN_MS,
    })
  } else {
    const { event: about, seen } = reaction
    if (about.seq === 0 && !seen)
      return `its actions are not kept, and there is no event '${event.slice(0, 100)}' to decide on again`
    const { hops, chain } = asker
    await parts.decide({
      ...{ seq: about.seq, id: about.id, rule, attempt: next },
      ...(seen ? { window: { event: about, seen } } : {}),
      ...(hops && chain ? { hops, chain } : {}),
    })
  }
  await tell(parts, standing, by, operation === 'approve' ? 'approved' : undefined)
  if (parked) await parts.pending.purgeParked(parked)
  return operation === 'approve' ? 'approved; it runs now' : `attempt ${next} runs now`
}

/** The schedule of its next attempt is replaced by one that is due: at no time are there two of them, or none. */
async function soon(parts: OperateParts, standing: Standing, asker: Asker): Promise<string | undefined> {
  const { retry, rule, event, key } = standing
  if (!retry?.headers) return undefined
  const { rule: _rule, bundle, policy, ...rest } = retry.reaction
  const body: ReactionBatch = {
    rule,
    bundle,
    ...(policy ? { policy } : {}),
    reactions: [{ ...rest, event: joinTrace(rest.event, asker) }],
  }
  // Its id has been stored once: under the same one this would be taken for the same message.
  const { 'Nats-Msg-Id': _id, ...kept } = Object.fromEntries(retry.headers)
  const headers = { ...kept, [SCHEDULE_HEADER]: `@at ${new Date(parts.clock.now()).toISOString()}` }
  await parts.publisher.publish(parts.subjects.reactionRetry(event, rule), JSON.stringify(body), {
    id: `now/${attemptKey(key, standing.attempt)}/${retry.seq}`,
    headers,
    deadlineMs: STORE_WITHIN_MS,
  })
  await tell(parts, { ...standing, attempt: standing.attempt - 1 }, asker.user)
  return `attempt ${standing.attempt} runs now`
}

/** Who sent it on goes to the ledger. */
async function tell(parts: OperateParts, standing: Standing, by: string, reason?: string): Promise<void> {
  const why = reason ?? standing.reason
  const left = (standing.reaction as Partial<Reaction> | undefined)?.left
  await parts.ledger.append({
    ...decisionOf(parts, standing, by),
    state: 'retrying',
    next: parts.clock.now(),
    ...(why === undefined ? {} : { reason: why }),
    ...(left ? { left } : {}),
  })
}

const STORE_WITHIN_MS = 10_000
const SYNC_WITHIN_MS = 5000

/**
 * Whether a reaction that is recorded to wait for a person waits nowhere, because a worker died or the stream was emptied. The
 * record may only be a moment behind: then its next attempt is in the streams, or in the ledger.
 */
async function isLeftover({ pending, ledger }: OperateParts, { key, rule, attempt }: Standing): Promise<boolean> {
  const [underWay] = await pending.waiting(rule, 1, one => one.key === key)
  if (underWay) return false
  await ledger.sync(AbortSignal.timeout(SYNC_WITHIN_MS))
  return !ledger.has(attemptKey(key, attempt + 1))
}

const decisionOf = (
  { clock }: OperateParts,
  { key, rule, event, tag, attempt, causeMs }: Standing,
  by: string,
): Omit<Decision, 'state'> => ({
  ...{ key, rule, event, tag, jids: [], by },
  ms: Math.max(0, Math.round(clock.now() - causeMs)),
  ...(attempt > 1 ? { attempt } : {}),
})

const dealtWith = (was: ReactionState): string =>
  was === 'retrying'
    ? 'its time has just come: it is being executed'
    : `it was ${was} until now, and somebody has just dealt with it: look again`

const HINT: Partial<Record<ReactionState, string>> = {
  held: 'approve or deny it',
  parked: 'retry or drop it',
  waiting: 'it is executed as soon as its turn comes; it can be dropped',
}

function refusal(operation: ReactionOperation, { state, reason }: Standing): string {
  const why = reason === undefined ? '' : ` (${reason.slice(0, 200)})`
  const hint = HINT[state] === undefined ? '' : `: ${HINT[state]}`
  return `it is ${state}${why}, and only what is ${TAKES[operation].join(' or ')} can be ${PARTICIPLE[operation]}${hint}`
}

const PARTICIPLE: Record<ReactionOperation, string> = {
  retry: 'retried',
  drop: 'dropped',
  approve: 'approved',
  deny: 'denied',
}
