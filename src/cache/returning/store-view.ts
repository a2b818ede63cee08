// Jobs as the store of a returner has them, in the shapes of the job cache; and such a job laid under the one that the job cache
// has. Pure.
import type { KnownLoad } from '../../functions/define-returner.ts'
import { parseStamp } from '../../protocol/event.ts'
import { jidTime } from '../../protocol/jid.ts'
import type { JobKind } from '../../protocol/job.ts'
import type { CachedReturn, JobSummary, JobView } from '../../protocol/job-view.ts'
import { isClosed, outcomeOf } from '../../protocol/lifecycle.ts'
import type { StoredReturn } from '../../protocol/returned.ts'
import { readShownReturning } from '../../protocol/returning.ts'
import type { JobTimeouts } from '../facts.ts'
import { type KnownJob, statesOf, summarize } from '../view.ts'

/** Runner and wheel functions have one of these in the place of minions. */
const KINDS: Readonly<Record<string, JobKind>> = { _jobs: 'runner', _master: 'wheel' }

/** A load says nothing of deadlines: its job has the usual ones. */
export function knownOf(jid: string, load: KnownLoad | undefined, fun: string, timeouts: JobTimeouts): KnownJob {
  const start = Math.floor(jidTime(jid))
  const minions = load?.minions ?? []
  const metadata = load?.kwargs?.metadata
  const deadline = start + timeouts.jobTimeoutMs
  return {
    jid,
    kind: (minions.length === 1 && KINDS[minions[0]!]) || 'local',
    fun: load?.fun ?? fun,
    arg: load?.arg ?? [],
    tgt: load?.tgt ?? '',
    tgt_type: load?.tgt_type ?? 'glob',
    user: load?.user ?? '',
    ...(metadata === undefined ? {} : { metadata: metadata as Record<string, unknown> }),
    ...readShownReturning({ ...load?.kwargs, ret: load?.ret }),
    start,
    deadline,
    run_until: deadline + timeouts.runTimeoutMs,
    minions,
    missing: [],
    announced: load !== undefined,
    sent: { offline: [], refused: {}, waiting: [] },
  }
}

/** One of a list: how its minions are, its returns would say. */
export const summaryOf = (load: KnownLoad, storedIn: string, timeouts: JobTimeouts): JobSummary => {
  const { announced: _, sent: __, ...job } = knownOf(load.jid, load, load.fun, timeouts)
  return { ...job, counts: {}, active: false, stored_in: storedIn }
}

/** Null: the store knows nothing of it. */
export function viewOf(
  jid: string,
  { load, returns }: { load: KnownLoad | undefined; returns: Record<string, StoredReturn> },
  timeouts: JobTimeouts,
  nowMs: number,
): JobView | null {
  const all = Object.entries(returns)
  if (!load && all.length === 0) return null
  const known = knownOf(jid, load, all[0]?.[1].fun ?? '', timeouts)
  const outcomes = new Map(all.map(([id, returned]) => [id, outcomeOf(returned)]))
  const states = statesOf(known, { outcomes, started: new Set() }, nowMs)
  return {
    ...summarize(known, states, nowMs),
    states: Object.fromEntries(states),
    reasons: {},
    returns: Object.fromEntries(all.map(([id, returned]) => [id, cached(returned)])),
  }
}

const cached = ({ return: value, retcode, success, outcome, _stamp }: StoredReturn): CachedReturn => ({
  return: value,
  retcode,
  success,
  ...(outcome ? { outcome } : {}),
  at: Math.round(parseStamp(_stamp)) || 0,
})

/** Of one that was not, or not yet, the job cache takes what its first return says for one that the minion ran by itself. */
export const isAnnounced = ({ tgt, user }: Pick<JobSummary, 'tgt' | 'user'>): boolean =>
  tgt.length > 0 && user !== `minion:${tgt}`

/** Whether the job cache has all that there is to know of a job. */
export const isWhole = (job: JobView): boolean =>
  isAnnounced(job) && job.minions.every(id => Object.hasOwn(job.returns, id))

/** What the job cache says stands; a job that it was not told of, and returns that it has not, are the store's. */
export function merged(local: JobView | null, stored: JobView | null, nowMs: number): JobView | null {
  if (!local || !stored) return local ?? stored
  const [base, over] = !isAnnounced(local) ? [stored, local] : [local, stored]
  const returns = { ...fromEntries(stored.returns), ...fromEntries(local.returns) }
  const states = { ...fromEntries(base.states) }
  for (const id of Object.keys(returns))
    define(states, id, Object.hasOwn(local.returns, id) ? local.states[id] : stored.states[id])
  for (const id of Object.keys(over.states)) if (!Object.hasOwn(states, id)) define(states, id, over.states[id])
  const counts: JobSummary['counts'] = {}
  for (const state of Object.values(states)) counts[state] = (counts[state] ?? 0) + 1
  const startOver = nowMs > base.deadline
  const active = base.active && base.minions.some(id => !isClosed(states[id] ?? 'offline', startOver))
  return { ...base, states, returns, counts, active }
}

/** Ids may be called `__proto__`. */
const fromEntries = <T>(map: Readonly<Record<string, T>>): Record<string, T> => Object.fromEntries(Object.entries(map))
const define = <T>(map: Record<string, T>, id: string, value: T | undefined) =>
  void Object.defineProperty(map, id, { value, enumerable: true, configurable: true, writable: true })
