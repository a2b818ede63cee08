// Running the actions of a reaction, in order, each as a job of its own.
import { asReactorError, ReactorError } from '../../base/errors.ts'
import { cut } from '../../base/text.ts'
import type { ReactionAction } from '../../protocol/job.ts'
import { actionKey, type LeftAction, type Reaction } from '../../protocol/reaction.ts'
import { returningOf } from '../../protocol/returning.ts'
import { extendChain } from '../../protocol/trace.ts'
import type { Asked, PublishJob } from '../publish.ts'
import type { RunFunction } from '../run-function.ts'
import type { CallWheel } from '../wheel-client.ts'
import type { Item } from './batch.ts'
import type { InHand } from './in-hand.ts'
import { type InsistParts, insist } from './insist.ts'
import type { LearnOutcome } from './unknown.ts'

export interface ActionParts extends InsistParts {
  publishJob: PublishJob
  runFunction: RunFunction
  callWheel: CallWheel
  learnOutcome: LearnOutcome
  inHand: Pick<InHand, 'hold'>
  /**
   * Whether the attempt has been ended by another, as far as the marks of its actions may be gone: asked before each of them.
   * `begunMs`: when its first was begun, monotonic; none: nothing of it is.
   */
  isSettled(id: string, begunMs: number | undefined): Promise<boolean>
}

export interface Problem {
  text: string
  action: LeftAction
  /** It may have been done. */
  unknown?: true
  /** Of its minions, those that did not take it, where others did. */
  minions?: string[]
  /** Its minions are away; until then (milliseconds since the epoch) they run its job when they come. */
  standsUntil?: number
}

export interface Ran {
  jids: string[]
  problems: Problem[]
  /** Keys of work whose start mark may go once the attempt is in the ledger. */
  marks: string[]
  /** Resolve once the returns of its functions are stored. */
  told: Promise<void>[]
  /** Another worker has ended the reaction meanwhile. */
  settled: boolean
  /** Another worker runs one of its actions. */
  elsewhere: boolean
}

/** Throws `unreachable` or `store_refused` where the worker stops first. */
export async function runActions(
  parts: ActionParts,
  { reaction, key, id, again }: Pick<Item, 'reaction' | 'key' | 'id' | 'again'>,
): Promise<Ran> {
  const ran: Ran = { jids: [], problems: [], marks: [], told: [], settled: false, elsewhere: false }
  const { actions, attempt = 1, left } = reaction
  const count = left?.length ?? actions.length
  const begun = performance.now()
  for (let i = 0; i < count && !ran.settled && !ran.elsewhere; i++) {
    const at = left ? left[i]! : ([i, attempt] satisfies LeftAction)
    const action = actions[at[0]]
    if (!action) continue
    const since = i === 0 ? undefined : begun
    if (await insist(parts, 'reading the ledger', () => parts.isSettled(id, since))) ran.settled = true
    else await runAction(parts, reaction, action, at, { key, causeMs: reaction.event.storedMs, again }, id, ran)
  }
  return ran
}

async function runAction(
  parts: ActionParts,
  reaction: Reaction,
  action: ReactionAction,
  at: LeftAction,
  of: { key: string; causeMs: number; again: boolean },
  id: string,
  ran: Ran,
): Promise<void> {
  const failed = (text: string, more: Partial<Problem> = {}) =>
    ran.problems.push({ text: cut(`${action.kind}.${action.fun}: ${text}`, MAX_PROBLEM), action: at, ...more })
  const unknown = (text: string) => failed(`outcome unknown: ${text}`, { unknown: true })
  const { event, rule } = reaction
  const key = actionKey(of.key, at[0], at[1])
  const asked: Asked = {
    user: askerOf(rule),
    cause: event.own ?? event.id,
    hops: event.hops,
    chain: extendChain(event.chain, rule),
    work: { key, causeMs: of.causeMs, ...(of.again ? { again: true } : {}) },
  }
  try {
    if (action.kind === 'local') {
      const { jid, problem, ...more } = await insist(parts, 'an action', () => send(parts, action, asked, at[2]))
      ran.jids.push(jid)
      if (problem) failed(problem, more)
      return
    }
    const { kind } = action
    // What is thrown may come after its mark.
    if (kind === 'wheel') ran.marks.push(key)
    const release = parts.inHand.hold(key)
    const ending = insist(parts, 'an action', () => call(parts, action, asked))
    // Until its return is stored, where others look for it.
    void ending.then(({ told }) => told).then(release, release)
    const { jid, outcome, begun, marked, told } = await ending
    ran.jids.push(jid)
    if (marked) ran.marks.push(key)
    if (told) ran.told.push(told)
    if (outcome.ok) return
    if (outcome.code !== 'outcome_unknown') return void failed(outcome.message)
    if (!begun) return void unknown(outcome.message)
    const learned = await parts.learnOutcome(kind, { jid, work: key, attempt: id })
    if (learned.state === 'settled') ran.settled = true
    else if (learned.state === 'elsewhere') ran.elsewhere = true
    else if (learned.state === 'failed') failed(learned.reason)
    else if (learned.state === 'unknown') unknown(outcome.message)
  } catch (thrown) {
    const error = asReactorError(thrown)
    if (error.code === 'unreachable' || error.code === 'store_refused') throw error
    // The master has it, and did not answer in time.
    if (error.code === 'outcome_unknown' || (error.code === 'timeout' && action.kind === 'wheel'))
      unknown(error.message)
    else failed(error.message)
  }
}

async function send(
  { publishJob, clock }: ActionParts,
  action: ReactionAction,
  asked: Asked,
  only: string[] | undefined,
): Promise<{ jid: string; problem?: string } & Pick<Problem, 'minions' | 'standsUntil'>> {
  const { fun, arg, kwarg, untrusted, tgt, tgt_type } = action
  // The others took it before.
  const target = only ? { tgt: only, tgt_type: 'list' as const } : { tgt: tgt ?? '', ...(tgt_type ? { tgt_type } : {}) }
  const request = { ...target, fun, arg, kwarg, ...returningOf(action) }
  const { jid, minions, offline, refused, deadline } = await publishJob(request, { ...asked, untrusted })
  const reasons = Object.entries(refused).map(([minion, reason]) => `${minion} refused: ${cut(reason, MAX_PROBLEM)}`)
  // Some of many may be away; when nobody is there, nothing was done.
  const away = offline.length === minions.length
  if (away) reasons.push(`offline: ${offline.join(', ')}`)
  if (reasons.length === 0) return { jid }
  const open = away ? minions : Object.keys(refused).sort()
  return {
    ...{ jid, problem: reasons.join(', ') },
    ...(only || open.length < minions.length ? { minions: open } : {}),
    ...(away && deadline > clock.now() ? { standsUntil: deadline } : {}),
  }
}

async function call({ runFunction, callWheel }: ActionParts, action: ReactionAction, asked: Asked) {
  const { kind, fun, arg, kwarg, untrusted } = action
  const ran = await (kind === 'runner' ? runFunction : callWheel)({ fun, arg, kwarg, untrusted, ...asked })
  // Left to another worker, or to this one after its restart.
  if (!ran.outcome.ok && ran.outcome.code === 'stopped') throw new ReactorError('unreachable', ran.outcome.message)
  return ran
}

/** Others choose the length of their reasons; the records that hold them are messages. */
const MAX_PROBLEM = 500

/** A schedule's entries come as `schedule:<name>`, which no rule can be called. */
export const isScheduled = (rule: string): boolean => rule.startsWith('schedule:')
export const askerOf = (rule: string): string => (isScheduled(rule) ? rule : `rule:${rule}`)
