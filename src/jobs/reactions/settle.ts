// One reaction to its recorded end: done, retrying, parked, held or dropped. What is stored comes before what says so, and
// both before the ack, so that a worker that dies on the way leaves what another can go on from:
// a retry: ledger, schedule, ack; a parked one: PARKED, the failure event, ledger, ack.
import type { NatsConnection } from '@nats-io/transport-node'
import { maxPayload } from '../../bus/max-payload.ts'
import type { Publisher } from '../../bus/publish.ts'
import type { Decision, DecisionState, LeftAction, Reaction } from '../../protocol/reaction.ts'
import type { Subjects } from '../../protocol/subject.ts'
import type { Ledger } from '../ledger.ts'
import { type ActionParts, askerOf, cut, type Problem, type Ran, runActions } from './actions.ts'
import type { Item } from './batch.ts'
import type { TellFailure } from './failure.ts'
import { insist } from './insist.ts'
import type { Parking } from './parking.ts'
import { backoff, nextAttempt, SCHEDULE_BYTES, scheduleAttempt } from './retry.ts'
import type { Tally } from './tally.ts'
import { type TargetParts, tooWide } from './targets.ts'

export interface SettleParts extends ActionParts, TargetParts {
  nc: NatsConnection
  subjects: Subjects
  publisher: Publisher
  ledger: Ledger
  parking: Parking
  tellFailure: TellFailure
  tally: Tally
}

/** What is left to do when its actions have run, and needs no slot of its lane. */
export interface Settled {
  recorded: Promise<void>
}

const NOTHING_LEFT: Settled = { recorded: Promise.resolve() }

/** Throws, or `recorded` rejects, where it could not be recorded: the reaction is to be delivered again. */
export async function settle(parts: SettleParts, item: Item): Promise<Settled> {
  if (!(await isOpen(parts, item))) return NOTHING_LEFT
  const { ledger } = parts
  const { reaction, id, key } = item
  const ran = await runActions(parts, reaction, key, id)
  if (ran.settled) return NOTHING_LEFT
  const done = ran.problems.length === 0
  if (ledger.has(id)) await (done ? correct(parts, item, ran) : undefined)
  else if (done) return { recorded: finish(parts, item, ran) }
  else await decide(parts, item, ran)
  return NOTHING_LEFT
}

/** Done is what has its returns stored. */
async function finish(parts: SettleParts, item: Item, { jids, told }: Ran): Promise<void> {
  for (const stored of told) await stored
  await enter(parts, item, decided(parts, item, 'done', { jids }))
}

/** Whether there is something to run; what is known of it already is brought to its end. */
async function isOpen(parts: SettleParts, item: Item): Promise<boolean> {
  const { ledger, parking } = parts
  const { reaction, id } = item
  if (item.again || item.doubted) await insist(parts, 'reading the ledger', () => ledger.sync(parts.stopping))
  if (ledger.has(id)) {
    await goOn(parts, item)
    return false
  }
  // It may have been parked by a worker that did not come to enter it.
  const waits = item.again ? await parking.find(reaction) : undefined
  if (waits) await enter(parts, item, decided(parts, item, waits.state ?? 'parked', { reason: waits.reason }))
  if (waits) return false
  const wide = tooWide(parts, reaction, askerOf(reaction.rule))
  if (wide) await park(parts, item, decided(parts, item, 'held', { reason: wide }), reaction.left)
  return !wide
}

/** It is decided already; of a retry, the schedule may not have been stored. */
async function goOn(parts: SettleParts, { reaction, id }: Item): Promise<void> {
  const retrying = parts.ledger.retrying(id)
  if (retrying) await schedule(parts, reaction, nextAttempt(reaction, retrying.left), retrying.next)
}

/** Another worker took it for lost meanwhile, and it is done. */
async function correct(parts: SettleParts, item: Item, { jids }: Ran): Promise<void> {
  if (!(await parts.parking.find(item.reaction))) return
  await parts.parking.remove(item.reaction)
  await enter(parts, item, decided(parts, item, 'done', { jids }))
}

async function decide(parts: SettleParts, item: Item, { jids, problems, told }: Ran): Promise<void> {
  for (const stored of told) await stored
  const { reaction } = item
  const { attempt = 1, policy } = reaction
  const reason = cut(problems.map(({ text }) => text).join('; '), MAX_REASON)
  const onUnknown = policy?.on_unknown ?? 'park'
  const uncertain = problems.some(({ unknown }) => unknown)
  // What the rule lets go of is not tried again.
  const open = onUnknown === 'drop' ? problems.filter(({ unknown }) => !unknown) : problems
  const due = Math.round(parts.clock.now() + backoff(policy, attempt))
  const left = leftOf(reaction, open, due)
  if (open.length === 0) return enter(parts, item, decided(parts, item, 'dropped', { jids, reason }))
  // An outcome that is not known is one attempt more than was asked for, where the rule says to try again.
  const attempts = Math.max(policy?.attempts ?? 1, uncertain && onUnknown === 'retry' ? 2 : 1)
  const body = attempt < attempts && !(uncertain && onUnknown === 'park') ? nextAttempt(reaction, left) : undefined
  // One that no schedule can hold has no other attempt.
  if (body === undefined || Buffer.byteLength(body) + SCHEDULE_BYTES > maxPayload(parts.nc))
    return park(parts, item, decided(parts, item, 'parked', { jids, reason }), left)
  const more = { jids, reason, next: due, ...(left ? { left } : {}) }
  await enter(parts, item, decided(parts, item, 'retrying', more))
  await schedule(parts, reaction, body, due)
}

/** What another attempt has to do; undefined: all. */
function leftOf({ actions, attempt = 1 }: Reaction, open: Problem[], due: number): LeftAction[] | undefined {
  const left = open.map(
    ({ action: [index, job], standsUntil = 0 }): LeftAction => [
      index,
      // A job that minions may still come for is asked after, and not made a second time.
      standsUntil > due ? job : attempt + 1,
    ],
  )
  return left.length === actions.length && left.every(([, job]) => job === attempt + 1) ? undefined : left
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

const schedule = (parts: SettleParts, reaction: Reaction, body: string, due: number): Promise<void> =>
  insist(parts, 'the schedule of another attempt', () =>
    scheduleAttempt(parts.publisher, parts.subjects, reaction, body, due),
  )

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
