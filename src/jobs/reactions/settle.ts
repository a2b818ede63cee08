// One reaction to its recorded end: done, retrying, parked, held or dropped. What is stored comes before what says so, and
// both before the ack, so that a worker that dies on the way leaves what another can go on from:
// a retry: ledger, schedule, ack; a parked one: PARKED, the failure event, ledger, ack.
import type { NatsConnection } from '@nats-io/transport-node'
import { ReactorError } from '../../base/errors.ts'
import { cut } from '../../base/text.ts'
import { maxPayload } from '../../bus/max-payload.ts'
import type { Publisher } from '../../bus/publish.ts'
import type { Decision, DecisionState, LeftAction, Reaction } from '../../protocol/reaction.ts'
import { ACK_WAIT_MS } from '../../protocol/streams.ts'
import type { Subjects } from '../../protocol/subject.ts'
import type { Pending } from '../control/pending.ts'
import type { Ledger } from '../ledger.ts'
import { type ActionParts, askerOf, isScheduled, type Problem, type Ran, runActions } from './actions.ts'
import type { Item } from './batch.ts'
import type { TellFailure } from './failure.ts'
import { insist } from './insist.ts'
import { type Marks, RELEASE_AFTER_MS } from './marks.ts'
import type { Parking } from './parking.ts'
import { backoff, messageOf, nextAttempt, SCHEDULE_BYTES, scheduleAttempt } from './retry.ts'
import type { Tally } from './tally.ts'
import { type TargetParts, tooWide } from './targets.ts'

export interface SettleParts extends ActionParts, TargetParts {
  nc: NatsConnection
  subjects: Subjects
  publisher: Publisher
  ledger: Ledger
  parking: Parking
  pending: Pick<Pending, 'retry' | 'purgeRetry'>
  tellFailure: TellFailure
  tally: Tally
  marks: Pick<Marks, 'release'>
  /** Looks whether this process stood still; then what is in hand is doubted. */
  lookForStop(): void
}

/**
 * Whether an attempt is in the ledger, which is looked at anew where that is so long ago that the marks of what others have
 * done since may be gone.
 */
export function createIsSettled(ledger: Pick<Ledger, 'has' | 'sync'>, stopping: AbortSignal) {
  let lookedAt = Number.NEGATIVE_INFINITY
  return async (id: string, begunMs: number | undefined): Promise<boolean> => {
    const now = performance.now()
    if (begunMs !== undefined && now - begunMs < RELEASE_AFTER_MS / 2) return false
    if (now - lookedAt > RELEASE_AFTER_MS / 2) {
      await ledger.sync(stopping)
      lookedAt = Math.max(lookedAt, now)
    }
    return ledger.has(id)
  }
}

/** What is left to do when its actions have run, and needs no slot of its lane. */
export interface Settled {
  recorded: Promise<Left | undefined>
}

/** Its message is not acked: it comes again after so many milliseconds, or the next attempt runs from it. */
export type Left = { againMs: number } | { next: Reaction }

const nothingBut = (what: Left | undefined): Settled => ({ recorded: Promise.resolve(what) })

/** When it is asked again who runs it. */
const ELSEWHERE_MS = ACK_WAIT_MS

/** Throws, or `recorded` rejects, where it could not be recorded: the reaction is to be delivered again. */
export async function settle(parts: SettleParts, item: Item): Promise<Settled> {
  const known = await look(parts, item)
  if (known !== 'open') return nothingBut(known)
  const { ledger } = parts
  const { id } = item
  const ran = await runActions(parts, item)
  if (ran.elsewhere) return nothingBut({ againMs: ELSEWHERE_MS })
  if (ran.settled) return release(parts, ran, Promise.resolve(undefined))
  const done = ran.problems.length === 0
  parts.lookForStop()
  // Another may have had it in hand while this process stood still, and have parked it, or have done what failed here.
  if (item.doubted || !done) await insist(parts, 'reading the ledger', () => ledger.sync(parts.stopping))
  if (done) return release(parts, ran, ledger.has(id) ? correct(parts, item, ran) : finish(parts, item, ran))
  return release(parts, ran, Promise.resolve(ledger.has(id) ? undefined : await decide(parts, item, ran)))
}

/** From its entry in the ledger on that is what keeps its actions from being done twice. */
function release({ marks }: SettleParts, ran: Ran, recorded: Promise<Left | undefined>): Settled {
  if (ran.marks.length > 0)
    recorded.then(
      () => marks.release(ran.marks),
      () => undefined,
    )
  return { recorded }
}

/** Done is what has its returns stored. */
async function finish(parts: SettleParts, item: Item, { jids, told }: Ran): Promise<undefined> {
  for (const stored of told) await stored
  await enter(parts, item, decided(parts, item, 'done', { jids }))
}

/** Whether there is something to run; what is known of it already is brought to its end. */
async function look(parts: SettleParts, item: Item): Promise<'open' | Left | undefined> {
  const { ledger, parking } = parts
  const { reaction, id } = item
  if (item.again || item.doubted) await insist(parts, 'reading the ledger', () => ledger.sync(parts.stopping))
  if (ledger.has(id)) {
    const retrying = ledger.retrying(id)
    // Its schedule may not have been stored.
    return retrying && sendOn(parts, nextAttempt(reaction, retrying.left), retrying.next)
  }
  // It may have been parked by a worker that did not come to enter it.
  const waits = item.again || item.doubted ? (await parking.find(reaction))?.parked : undefined
  if (waits) await enter(parts, item, decided(parts, item, waits.state ?? 'parked', { reason: waits.reason }))
  if (waits) return undefined
  const wide = tooWide(parts, reaction, askerOf(reaction.rule))
  if (wide) await park(parts, item, decided(parts, item, 'held', { reason: wide }), reaction.left)
  return wide ? undefined : 'open'
}

/**
 * The next attempt waits as a schedule. One that the stream has no room for does not hold a slot of its lane until there is some,
 * which only acks give: its time is in the ledger, and this message is the one that it is run from.
 */
async function sendOn(parts: SettleParts, next: Reaction, due: number): Promise<Left | undefined> {
  const { publisher, subjects, clock, log } = parts
  const stored = await insist(parts, 'the schedule of another attempt', async () => {
    try {
      await scheduleAttempt(publisher, subjects, next, due)
      return true
    } catch (error) {
      if (!(error instanceof ReactorError && error.code === 'store_refused')) throw error
      log.debug({ rule: next.rule, error: error.message }, 'the stream has no room for another attempt')
      return false
    }
  })
  if (stored) return undefined
  const wait = due - clock.now()
  return wait > 0 ? { againMs: wait } : { next }
}

/** Another has decided on it meanwhile: a worker that took it for lost, or a person. It is done all the same. */
async function correct(parts: SettleParts, item: Item, ran: Ran): Promise<undefined> {
  const { ledger, parking, pending } = parts
  const { event, rule, attempt = 1 } = item.reaction
  const sentOn = ledger.retrying(item.id) !== undefined
  // First: what a crash leaves parked or scheduled of what is done is cleared away by who meets it.
  await finish(parts, item, ran)
  const waits = await parking.find(item.reaction)
  if (waits) await parking.remove(waits)
  if (!sentOn) return
  await insist(parts, 'the removal of a retry', async () => {
    const retry = await pending.retry(event.id, rule)
    if (retry && (retry.reaction.attempt ?? 1) === attempt + 1) await pending.purgeRetry(retry)
  })
}

async function decide(parts: SettleParts, item: Item, { jids, problems, told }: Ran): Promise<Left | undefined> {
  for (const stored of told) await stored
  const { reaction } = item
  const { attempt = 1, policy } = reaction
  const reason = cut(problems.map(({ text }) => text).join('; '), MAX_REASON)
  const onUnknown = policy?.on_unknown ?? 'park'
  const uncertain = problems.some(({ unknown }) => unknown)
  // What the rule lets go of is not tried again.
  const open = onUnknown === 'drop' ? problems.filter(({ unknown }) => !unknown) : problems
  if (open.length === 0) {
    await enter(parts, item, decided(parts, item, 'dropped', { jids, reason }))
    return undefined
  }
  // An outcome that is not known is one attempt more than was asked for, where the rule says to try again.
  const attempts = Math.max(policy?.attempts ?? 1, uncertain && onUnknown === 'retry' ? 2 : 1)
  const isLast = attempt >= attempts || (uncertain && onUnknown === 'park')
  const now = parts.clock.now()
  // The next slots of a schedule's entry wait for this one.
  const stands = isLast && !isScheduled(reaction.rule) ? standing(open, now) : undefined
  const due = stands ?? Math.round(now + backoff(policy, attempt))
  const left = leftOf(reaction, open, stands === undefined ? due : now)
  const next = isLast && stands === undefined ? undefined : nextAttempt(reaction, left)
  // One that no schedule can hold has no other attempt.
  if (!next || Buffer.byteLength(messageOf(next)) + SCHEDULE_BYTES > maxPayload(parts.nc)) {
    await park(parts, item, decided(parts, item, 'parked', { jids, reason }), left)
    return undefined
  }
  const more = { jids, reason, next: due, ...(left ? { left } : {}) }
  await enter(parts, item, decided(parts, item, 'retrying', more))
  return sendOn(parts, next, due)
}

/**
 * When no minion may come any more for any of the jobs that are left: until then nothing has failed, and then they are asked
 * after. Undefined: something else has failed, or that time is over.
 */
function standing(open: readonly Problem[], now: number): number | undefined {
  const until = open.map(({ standsUntil = 0 }) => standsUntil)
  return Math.min(...until) > now ? Math.round(Math.max(...until)) + CLOCKS_APART_MS : undefined
}

/** A minion whose clock is behind takes its job for so much longer. */
const CLOCKS_APART_MS = 1000

/** What another attempt has to do, that is due then; undefined: all. */
function leftOf({ actions, attempt = 1 }: Reaction, open: Problem[], due: number): LeftAction[] | undefined {
  const left = open.map(({ action: [index, job], minions, standsUntil = 0 }): LeftAction => {
    // A job that minions may still come for is asked after, and not made a second time.
    const of = standsUntil > due ? job : attempt + 1
    return minions ? [index, of, minions] : [index, of]
  })
  const all = left.length === actions.length && left.every(([, of, minions]) => of === attempt + 1 && !minions)
  return all ? undefined : left
}

async function park(parts: SettleParts, item: Item, decision: Decision, left?: LeftAction[]): Promise<void> {
  const { left: _before, ...reaction } = item.reaction
  const { state, reason = '', attempt } = decision
  await parts.parking.park({
    key: item.key,
    ...(state === 'held' ? { state } : {}),
    ...(attempt === undefined ? {} : { attempt }),
    reason,
    reaction: { ...reaction, ...(left ? { left } : {}) },
  })
  await enter(parts, item, decision)
}

/** Enters it in the ledger; of a rule that wants to hear of failures, after it has been told. */
async function enter(parts: SettleParts, { reaction, id }: Item, decision: Decision): Promise<void> {
  const failed = decision.state === 'parked' || decision.state === 'dropped'
  if (failed && reaction.policy?.on_failure) await parts.tellFailure(reaction, id, decision)
  // What runs when the worker stops is still entered: the publisher is there for longer.
  await insist(parts, 'the entry of a reaction in the ledger', () => parts.ledger.append(decision))
  parts.tally.add(decision)
}

function decided(
  { clock }: SettleParts,
  { key, reaction }: Item,
  state: DecisionState,
  more: Partial<Pick<Decision, 'jids' | 'reason' | 'next' | 'left'>>,
): Decision {
  const { rule, event, attempt = 1 } = reaction
  const ms = Math.max(0, Math.round(clock.now() - event.storedMs))
  return {
    ...{ key, rule, event: event.id, tag: event.tag, state },
    ...(attempt === 1 ? {} : { attempt }),
    ...{ ms, jids: [] },
    ...more,
  }
}

const MAX_REASON = 4000
