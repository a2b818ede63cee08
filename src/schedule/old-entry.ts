// One schedule entry and its due times. Pure: slots lie on multiples of the interval since the epoch, so that they do not
// drift, are the same in every worker, and survive restarts without a state of their own.
import { ReactorError } from '../base/errors.ts'
import { JOB_KINDS, type JobKind, type ReactionAction } from '../protocol/job.ts'
import { RETURNING, type Returning, returningOf } from '../protocol/returning.ts'

/** An entry as the config holds it, with Salt's words. */
export interface EntryConfig {
  function: string
  args: unknown[]
  kwargs: Record<string, unknown>
  tgt?: string | string[] | undefined
  tgt_type?: string | undefined
  returner?: string[] | undefined
  return_config?: string | undefined
  return_kwargs?: Record<string, unknown> | undefined
  seconds?: number | undefined
  minutes?: number | undefined
  hours?: number | undefined
  days?: number | undefined
  enabled: boolean
}

export interface Entry {
  name: string
  intervalMs: number
  action: ReactionAction
}

/** Throws `bad_config` that names the entry. */
export function readEntry(name: string, config: EntryConfig): Entry {
  const wrong = (what: string) => new ReactorError('bad_config', `schedule entry '${name}': ${what}`)
  const { seconds = 0, minutes = 0, hours = 0, days = 0 } = config
  const intervalMs = Math.round((seconds + minutes * 60 + hours * 3600 + days * 86_400) * 1000)
  if (intervalMs < 1000) throw wrong('give an interval of at least a second with seconds, minutes, hours or days')
  const [first, ...rest] = config.function.split('.')
  const kind = JOB_KINDS.find(kind => kind === first)
  if (!kind || rest.length !== 2)
    throw wrong(
      `function '${config.function}' must be local, runner or wheel, then module.function, such as runner.event.send`,
    )
  const target = targetOf(kind, config, wrong)
  const returning = returningIn(kind, config, wrong)
  const action = { kind, fun: rest.join('.'), arg: config.args, kwarg: config.kwargs, ...target, ...returning }
  return { name, intervalMs, action }
}

function targetOf(kind: JobKind, { tgt, tgt_type }: EntryConfig, wrong: (what: string) => ReactorError) {
  if (kind !== 'local') {
    if (tgt !== undefined || tgt_type !== undefined)
      throw wrong(`tgt is for local functions; a ${kind} function has no target`)
    return {}
  }
  if (tgt === undefined || tgt.length === 0) throw wrong("a local function needs a target: tgt: '*'")
  return { tgt, tgt_type: tgt_type ?? (Array.isArray(tgt) ? 'list' : 'glob') }
}

function returningIn(kind: JobKind, config: EntryConfig, wrong: (what: string) => ReactorError): Returning {
  const { returner = [], return_config, return_kwargs } = config
  const given: Returning = {
    ...(returner.length > 0 ? { ret: returner.join(',') } : {}),
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

/** The first slot after `nowMs`. */
export function nextDue({ intervalMs }: Entry, nowMs: number): number {
  return (Math.floor(nowMs / intervalMs) + 1) * intervalMs
}
