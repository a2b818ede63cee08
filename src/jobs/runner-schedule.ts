// The master's schedule as runner functions see and change it: in the name of who asked, and held to their roles. What an entry
// runs later is held to none: so nobody schedules, or sets going, what they may not call themselves.
import { isDeepStrictEqual } from 'node:util'
import { ReactorError } from '../base/errors.ts'
import { isObject } from '../base/json.ts'
import type { MasterSchedule } from '../functions/runner-context.ts'
import { type Fleet, matchesFunction, notAllowed } from '../operators/may.ts'
import type { ReactionAction } from '../protocol/job.ts'
import { returnerRights } from '../protocol/returning.ts'
import { ALL_GRANTS, type Grants } from '../protocol/role.ts'
import type { ScheduleOperation } from '../protocol/schedule.ts'
import { requireCallable } from '../schedule/callable.ts'
import { callOf } from '../schedule/calls.ts'
import { readItem } from '../schedule/item.ts'
import { modifiedItem } from '../schedule/modify.ts'
import { innerCalls } from './inner.ts'
import { namedIds } from './resolve.ts'
import type { FunctionCall } from './run-function.ts'
import type { AskSchedule } from './schedule-client.ts'
import type { LookUp } from './schedule-functions.ts'

/** They change nothing, and run nothing. */
const LOOKING = new Set<ScheduleOperation>([
  'list',
  'is_enabled',
  'build_schedule_item',
  'show_next_fire_time',
  'job_status',
  'status',
  'coming',
])
/** What decides over whether an entry can be called. */
const CALLING = ['function', 'args', 'kwargs'] as const
/** They have an entry run that was there before. */
const SETTING_GOING = new Set<ScheduleOperation>(['enable_job', 'run_job', 'postpone_job'])

export function runnerSchedule(
  ask: AskSchedule,
  { user, grants }: FunctionCall,
  fleet: Fleet,
  lookUp: LookUp,
): MasterSchedule {
  /** After the right to it: who may not call a function learns nothing of it. */
  const requireFunction = async (action: ReactionAction) => {
    if (action.kind !== 'local') requireCallable(action, await lookUp(action))
  }
  const requireAction = (action: ReactionAction) => {
    const may = grants?.() ?? ALL_GRANTS
    const problem = may === ALL_GRANTS ? undefined : problemOf(action, may, fleet)
    if (problem)
      throw new ReactorError('forbidden', `'${user}' may not schedule '${action.kind}.${action.fun}': ${problem}`)
  }
  const itemOf = async (name: unknown) => {
    const item = await ask('item', name)
    return isObject(item) ? readItem(item) : undefined
  }
  return {
    async ask(operation, ...args) {
      if (operation === 'item') throw new ReactorError('forbidden', `'${operation}' is for the program itself`)
      if (LOOKING.has(operation)) return ask(operation, ...args)
      if (grants && !matchesFunction(grants().runner, `schedule.${operation}`))
        throw new ReactorError(
          'forbidden',
          `'${user}' may not change the schedule: no role of theirs grants runner 'schedule.${operation}'`,
        )
      const [name, given, ...rest] = args
      if (operation === 'add') {
        const action = callOf(readItem(given))
        requireAction(action)
        await requireFunction(action)
      }
      if (SETTING_GOING.has(operation)) {
        const item = await itemOf(name)
        if (item) requireAction(callOf(item))
      }
      if (operation !== 'modify') return ask(operation, ...args)
      const item = await itemOf(name)
      if (!item) return ask(operation, ...args)
      // As a whole: so that it is what was looked at, whatever somebody makes of the entry meanwhile.
      const whole = modifiedItem(item, isObject(given) ? given : {})
      const action = callOf(readItem(whole))
      requireAction(action)
      // Its times can be changed while its function is away.
      if (CALLING.some(key => !isDeepStrictEqual(whole[key], item[key]))) await requireFunction(action)
      return ask('modify', name, whole, ...rest)
    },
  }
}

/** Why somebody with these grants may not have it run at any time to come; undefined: they may. */
function problemOf(
  { kind, fun, arg, kwarg, tgt = '', tgt_type = 'glob', ...returning }: ReactionAction,
  may: Grants,
  fleet: Fleet,
): string | undefined {
  if (kind !== 'local') {
    if (!matchesFunction(may[kind], fun)) return `no role of theirs grants ${kind} '${fun}'`
    if (kind !== 'runner' || !ORCHESTRATING.test(fun) || mayAll(may)) return undefined
    return 'what its steps run is then held to no role, so it takes the right to all functions, of every kind and everywhere'
  }
  const at = { tgt, tgt_type }
  const wanted = [...returnerRights(returning).map(right => ({ right, at })), ...wantedBy({ fun, arg, kwarg }, at)]
  for (const { right, at: target } of wanted) {
    const problem = targetProblem(right, target, may, fleet)
    if (problem) return problem
  }
  return undefined
}

/** Runner functions that run what files or arguments say: nobody can tell from here what that is. */
const ORCHESTRATING = /^state\.(?:orch|sls)/

const mayAll = ({ runner, wheel, local }: Grants): boolean =>
  runner.includes('*') && wheel.includes('*') && local.some(({ tgt = '*', funs }) => tgt === '*' && funs.includes('*'))

interface Target {
  tgt: string | string[]
  tgt_type: string
}

/** Calls within calls within calls are no command that anybody needs. */
const MAX_DEPTH = 4

/** What a call needs, and what it merely wraps. */
function wantedBy(
  { fun, arg, kwarg }: Pick<ReactionAction, 'fun' | 'arg' | 'kwarg'>,
  at: Target,
  depth = 0,
): { right: string; at: Target }[] {
  if (depth > MAX_DEPTH)
    throw new ReactorError('bad_argument', `'${fun}' holds calls within calls, at most ${MAX_DEPTH}`)
  const inner = innerCalls(fun, arg, kwarg).flatMap(({ on = at, rights = [], ...call }) => [
    ...rights.map(right => ({ right, at: on })),
    ...wantedBy(call, on, depth + 1),
  ])
  return [{ right: fun, at }, ...inner]
}

/**
 * A target means other minions later than it does now. So it takes a grant on all of them, or on this very target, or ids that
 * are named, each of which they may.
 */
function targetProblem(right: string, { tgt, tgt_type }: Target, may: Grants, fleet: Fleet): string | undefined {
  const granted = may.local.filter(({ funs }) => matchesFunction(funs, right))
  const same = (on: string) => on === tgt && (tgt_type === 'glob' || tgt_type === 'compound')
  if (granted.some(({ tgt: on }) => on === undefined || on === '*' || same(on))) return undefined
  const ids = namedIds({ tgt, tgt_type })
  const refused = ids && notAllowed(may, right, ids, fleet)
  if (refused?.length === 0) return undefined
  if (refused) return `no role of theirs grants '${right}' on ${refused.slice(0, 5).join(', ')}`
  return `no role of theirs grants '${right}' on all that ${JSON.stringify(tgt)} may come to mean; name minions by their ids, or write the target of the grant`
}
