// A run of an entry of the minion's schedule, as a job: what it calls, under which jid, and what goes with its return.
import type { DurableMap } from '../base/durable-map.ts'
import { ReactorError } from '../base/errors.ts'
import { redactSecrets } from '../base/redact.ts'
import { jidOfWork } from '../protocol/jid.ts'
import type { JobMessage, ScheduledRun } from '../protocol/job.ts'
import { RETURNING, type Returning, returningOf } from '../protocol/returning.ts'
import type { Entry } from '../schedule/entry.ts'
import type { Item } from '../schedule/item.ts'
import { writeTime } from '../schedule/strptime.ts'
import type { Run } from '../schedule/timetable.ts'
import { localZone } from '../schedule/zone.ts'
import type { Held } from './held.ts'

export interface ScheduledCall extends Returning {
  fun: string
  arg: unknown[]
  kwarg: Record<string, unknown>
}

/** Within which a run must have started where others hold it up. */
const START_WITHIN_MS = 3_600_000
/** As long as the engine knows its jid: see `forgetAt`. */
const REMEMBERED_MS = START_WITHIN_MS + 10 * 60_000
const FUNCTION = /^[A-Za-z_]\w*\.\w+$/
const OF_MASTER = /^(?:runner|wheel|local)\./

/** Reads what an entry calls. `always`: the returners of entries that name none. A function that is not there is one to fail. */
export function createCallOf(always: readonly string[]): (item: Item) => ScheduledCall {
  return item => {
    const { function: fun, args = [], kwargs = {}, returner, return_config, return_kwargs } = item
    if (OF_MASTER.test(fun))
      throw wrong(
        `'${fun}' is for the schedule of the master: on a minion it is a function of its own, such as test.ping`,
      )
    if (!FUNCTION.test(fun)) throw wrong(`'function' is module.function, such as test.ping; got '${fun}'`)
    for (const key of ['tgt', 'tgt_type'] as const)
      if (item[key] !== undefined)
        throw wrong(`'${key}' is for the schedule of the master: a minion runs its entries itself`)
    const returning = {
      ret: [returner ?? always].flat().join(','),
      ret_config: return_config,
      ret_kwargs: return_kwargs,
    }
    if (!RETURNING.ret.fits(returning.ret))
      throw wrong(`'returner' must be ${RETURNING.ret.what}; got '${returning.ret}'`)
    if (return_config !== undefined && !RETURNING.ret_config.fits(return_config))
      throw wrong(`'return_config' must be ${RETURNING.ret_config.what}; got '${return_config}'`)
    return { fun, arg: args, kwarg: kwargs, ...returningOf(returning) }
  }
}

const wrong = (what: string) => new ReactorError('bad_argument', what)

/** Makes the jobs of runs; a run that comes again is the same job. `runMs`: what runs for longer is over time. */
export function createScheduledJobs(
  id: string,
  held: Pick<DurableMap<Held>, 'values'>,
  { now, runMs }: { now(): number; runMs: number },
) {
  const jidOf = createSlotJids(held, now)
  return ({ name, item, call }: Entry<ScheduledCall>, { slot, instead }: Run): JobMessage => {
    const { fun, arg, kwarg, ...returning } = call
    const key = `schedule/${id}/${name}/${slot}`
    const at = now()
    return {
      jid: jidOf(name, slot, key),
      key,
      fun: instead ?? fun,
      arg,
      kwarg,
      user: `schedule:${name}`,
      ...{ tgt: id, tgt_type: 'glob', hops: 0 },
      deadline: at + START_WITHIN_MS,
      run_until: at + START_WITHIN_MS + runMs,
      ...returning,
      scheduled: { name, slot, ...returnJobOf(item), ...metadataOf(item, at) },
    }
  }
}

const returnJobOf = ({ return_job }: Item): Pick<ScheduledRun, 'return_job'> =>
  return_job === false || return_job === 'nocache' ? { return_job } : {}

/** With what Salt adds of the time: its offset, the local one, and that of UTC, in which its own `%m` is the month. */
function metadataOf({ metadata }: Item, at: number): Pick<ScheduledRun, 'metadata'> {
  if (!metadata) return {}
  const zone = localZone()
  const ctime = writeTime(at, '%a %b %d %H:%M:%S %Y', zone).replace(/ 0(\d) /, '  $1 ')
  return {
    metadata: {
      ...(redactSecrets(metadata) as Record<string, unknown>),
      _TOS: writeTime(at, '%z', zone),
      _TS: ctime,
      _TT: writeTime(at, '%Y %B %d %a %H %m', 'UTC'),
    },
  }
}

/**
 * The jid of a slot: of its second, with six digits drawn from the key of the run. Runs of one second may draw the same; the later
 * one draws again, so that none is taken for another that has been run.
 */
function createSlotJids({ values }: Pick<DurableMap<Held>, 'values'>, now: () => number) {
  const startedAt = now()
  const drawn = new Map<string, { key: string; at: number }>()

  const isTaken = (jid: string, name: string, slot: number, key: string): boolean => {
    const before = drawn.get(jid)
    if (before) return before.key !== key
    const held = values.get(jid)
    if (held === undefined) return false
    // Nothing but the jid is known any more: of a time before the process began it is this one, given again after a crash.
    if (typeof held === 'number') return slot > startedAt
    return held.state === 'returned' ? held.returned.schedule !== name : held.job.key !== key
  }
  return (name: string, slot: number, key: string): string => {
    const at = now()
    for (const [jid, one] of drawn) {
      if (one.at > at - REMEMBERED_MS) break
      drawn.delete(jid)
    }
    for (let probe = 0; ; probe++) {
      const jid = jidOfWork(slot, key, 'record', probe)
      if (isTaken(jid, name, slot, key)) continue
      drawn.set(jid, { key, at })
      return jid
    }
  }
}
