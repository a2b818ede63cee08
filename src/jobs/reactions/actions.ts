// Running the actions of a reaction, in order, each as a job of its own.
import { asReactorError, ReactorError } from '../../base/errors.ts'
import type { ReactionAction } from '../../protocol/job.ts'
import { actionKey, type LeftAction, type Reaction } from '../../protocol/reaction.ts'
import { extendChain } from '../../protocol/trace.ts'
import type { Asked, PublishJob } from '../publish.ts'
import type { RunFunction } from '../run-function.ts'
import type { CallWheel } from '../wheel-client.ts'
import { type InsistParts, insist } from './insist.ts'
import type { LearnOutcome } from './unknown.ts'

export interface ActionParts extends InsistParts {
  publishJob: PublishJob
  runFunction: RunFunction
  callWheel: CallWheel
  learnOutcome: LearnOutcome
}

export interface Problem {
  text: string
  action: LeftAction
  /** It may have been done. */
  unknown?: true
  /** Its minions are away; until then (milliseconds since the epoch) they run its job when they come. */
  standsUntil?: number
}

export interface Ran {
  jids: string[]
  problems: Problem[]
  /** Resolve once the returns of its functions are stored. */
  told: Promise<void>[]
  /** Another worker has ended the reaction meanwhile. */
  settled: boolean
}

/** Throws `unreachable` or `store_refused` where the worker stops first. */
export async function runActions(parts: ActionParts, reaction: Reaction, key: string, id: string): Promise<Ran> {
  const ran: Ran = { jids: [], problems: [], told: [], settled: false }
  const { actions, attempt = 1, left } = reaction
  const count = left?.length ?? actions.length
  for (let i = 0; i < count && !ran.settled; i++) {
    const at = left ? left[i]! : ([i, attempt] satisfies LeftAction)
    const action = actions[at[0]]
    if (action) await runAction(parts, reaction, action, at, key, id, ran)
  }
  return ran
}

async function runAction(
  parts: ActionParts,
  reaction: Reaction,
  action: ReactionAction,
  at: LeftAction,
  key: string,
  id: string,
  ran: Ran,
): Promise<void> {
  const failed = (text: string, more: Partial<Problem> = {}) =>
    ran.problems.push({ text: cut(`${action.kind}.${action.fun}: ${text}`, MAX_PROBLEM), action: at, ...more })
  const unknown = (text: string) => failed(`outcome unknown: ${text}`, { unknown: true })
  const { event, rule } = reaction
  const asked: Asked = {
    user: askerOf(rule),
    cause: event.id,
    hops: event.hops,
    chain: extendChain(event.chain, rule),
    work: { key: actionKey(key, at[0], at[1]), causeMs: event.storedMs },
  }
  try {
    if (action.kind === 'local') {
      const { jid, problem, standsUntil } = await insist(parts, 'an action', () => send(parts, action, asked))
      ran.jids.push(jid)
      if (problem) failed(problem, standsUntil === undefined ? {} : { standsUntil })
      return
    }
    const { kind } = action
    const { jid, outcome, begun, told } = await insist(parts, 'an action', () => call(parts, action, asked))
    ran.jids.push(jid)
    if (told) ran.told.push(told)
    if (outcome.ok) return
    if (outcome.code !== 'outcome_unknown') return void failed(outcome.message)
    if (!begun) return void unknown(outcome.message)
    const learned = await parts.learnOutcome(kind, jid, id)
    if (learned.state === 'settled') ran.settled = true
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
): Promise<{ jid: string; problem?: string; standsUntil?: number }> {
  const { fun, arg, kwarg, untrusted, tgt, tgt_type } = action
  const request = { tgt: tgt ?? '', ...(tgt_type ? { tgt_type } : {}), fun, arg, kwarg }
  const { jid, minions, offline, refused, deadline } = await publishJob(request, { ...asked, untrusted })
  const reasons = Object.entries(refused).map(([minion, reason]) => `${minion} refused: ${cut(reason, MAX_PROBLEM)}`)
  // Some of many may be away; when nobody is there, nothing was done.
  const away = offline.length === minions.length
  if (away) reasons.push(`offline: ${offline.join(', ')}`)
  if (reasons.length === 0) return { jid }
  return { jid, problem: reasons.join(', '), ...(away && deadline > clock.now() ? { standsUntil: deadline } : {}) }
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
export const cut = (text: string, most: number): string =>
  text.length > most ? `${text.slice(0, most - 1).toWellFormed()}…` : text

/** A schedule's entries come as `schedule:<name>`, which no rule can be called. */
export const askerOf = (rule: string): string => (rule.startsWith('schedule:') ? rule : `rule:${rule}`)
