// What an entry of the master calls: a runner, wheel or local function, as the action that a job worker is handed. A name
// without one of those words before it is a runner function, as in Salt.
import { ReactorError } from '../base/errors.ts'
import { JOB_KINDS, type JobKind, type ReactionAction } from '../protocol/job.ts'
import { RETURNING, type Returning, returningOf } from '../protocol/returning.ts'
import type { Source } from './book.ts'
import { type CallableFunctions, requireCallable } from './callable.ts'
import type { Item } from './item.ts'

const wrong = (what: string) => new ReactorError('bad_argument', what)

/** Throws `bad_argument`. */
export function callOf(item: Item): ReactionAction {
  const words = item.function.split('.')
  const kind = JOB_KINDS.find(kind => kind === words[0] && words.length > 2) ?? 'runner'
  const fun = words.length > 2 && kind === words[0] ? words.slice(1) : words
  if (fun.length !== 2 || fun.some(word => word === ''))
    throw wrong(
      `the function '${item.function}' must be module.function, after local., wheel. or runner., such as runner.event.send; without one of them it is a runner function`,
    )
  refuseMinionOptions(kind, item)
  const target = targetOf(kind, item)
  return {
    kind,
    fun: fun.join('.'),
    arg: item.args ?? [],
    kwarg: item.kwargs ?? {},
    ...target,
    ...returningIn(kind, item),
  }
}

/**
 * The same, and an entry of the config is held to `functions`, where they are known. One that was added was held to them then: it
 * stays while its function is away.
 */
export const createCallOf =
  (functions: CallableFunctions | undefined) =>
  (item: Item, source: Source): ReactionAction => {
    const action = callOf(item)
    if (functions && source === 'config') requireCallable(action, functions)
    return action
  }

/** What minions do with the returns of their own runs. */
function refuseMinionOptions(kind: JobKind, { metadata, return_job }: Item): void {
  if (metadata !== undefined)
    throw wrong(
      `metadata is for the schedules of minions: what a ${kind} entry did is found by its user, 'schedule:NAME'`,
    )
  if (return_job !== undefined && return_job !== true)
    throw wrong('return_job is for the schedules of minions: every return of a job of the master is in the job cache')
}

function targetOf(kind: JobKind, { tgt, tgt_type }: Item): Pick<ReactionAction, 'tgt' | 'tgt_type'> {
  if (kind !== 'local') {
    if (tgt !== undefined || tgt_type !== undefined)
      throw wrong(`tgt is for local functions; a ${kind} function has no target`)
    return {}
  }
  if (tgt === undefined) throw wrong("a local function needs a target: tgt: '*'")
  return { tgt, tgt_type: tgt_type ?? (Array.isArray(tgt) ? 'list' : 'glob') }
}

function returningIn(kind: JobKind, { returner = [], return_config, return_kwargs }: Item): Returning {
  const ret = [returner].flat().join(',')
  const given: Returning = {
    ...(ret ? { ret } : {}),
    ...(return_config === undefined ? {} : { ret_config: return_config }),
    ...(return_kwargs === undefined ? {} : { ret_kwargs: return_kwargs }),
  }
  if (Object.keys(given).length === 0) return {}
  if (kind !== 'local')
    throw wrong(`returners are for local functions; a ${kind} function's return is in the job cache`)
  if (!given.ret) throw wrong('return_config and return_kwargs are for returners: name them in returner')
  for (const [name, key] of [
    ['returner', 'ret'],
    ['return_config', 'ret_config'],
  ] as const)
    if (given[key] !== undefined && !RETURNING[key].fits(given[key]))
      throw wrong(`${name} must be ${RETURNING[key].what}, got '${given[key]}'`)
  return returningOf(given)
}
