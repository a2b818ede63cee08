// Jobs as Salt's runner `jobs` shows them. Pure.
import { ReactorError } from '../base/errors.ts'
import { isObject } from '../base/json.ts'
import { formatStamp } from '../protocol/event.ts'
import type { CachedReturn, JobSummary, JobView } from '../protocol/job-view.ts'
import { isClosed, MINION_STATES, type MinionState } from '../protocol/lifecycle.ts'
import { startTime } from './jid.ts'

/** What Salt says of a jid that its cache does not know. */
const NO_SUCH_JOB = 'Cannot contact returner or no job with this jid'
const DID_NOT_RETURN = 'Minion did not return'

export type Report = Record<string, unknown>

/** `{Function, Arguments, Target, Target-type, User, Metadata?}` */
function described(job: JobSummary): Report {
  return {
    Function: job.fun,
    Arguments: job.arg,
    Target: job.tgt,
    'Target-type': job.tgt_type,
    User: job.user,
    ...(job.metadata ? { Metadata: job.metadata } : {}),
  }
}

/** A job of `list_jobs`, which has the jid as its key. */
export const listedJob = (job: JobSummary): Report => ({ ...described(job), StartTime: startTime(job.jid) })

/** A job of `list_jobs_filter`, which is a list. */
export const filteredJob = (job: JobSummary): Report => ({
  ...described(job),
  JID: job.jid,
  StartTime: startTime(job.jid),
})

/** A job with its returns, as `print_job` and, with its jid, `list_job` show it. */
export const printedJob = (job: JobView): Report => ({
  ...described(job),
  Minions: [...job.minions].sort(),
  StartTime: startTime(job.jid),
  Result: Object.fromEntries(sorted(job.returns).map(([id, returned]) => [id, result(returned)])),
})

/** What stands in the place of a job that is not there. */
export const missingJob = (jid: string): Report => ({ Error: NO_SUCH_JOB, StartTime: startTime(jid), Result: {} })

/** `outcome` says, beyond Salt, that the minion died while it ran or ended it because its time was over. */
const result = (returned: CachedReturn): Report => ({
  return: returned.return,
  retcode: returned.retcode,
  success: returned.success,
  ...(returned.outcome ? { outcome: returned.outcome } : {}),
})

/** `{minion: return}`, of those that returned, of those that did not, or both. */
export function returnsOf(job: JobView, { returned, missing }: { returned: boolean; missing: boolean }): Report {
  const found = returned ? sorted(job.returns).map(([id, { return: value }]): [string, unknown] => [id, value]) : []
  const silent = missing ? job.minions.filter(id => !Object.hasOwn(job.returns, id)).sort() : []
  return Object.fromEntries([...found, ...silent.map((id): [string, unknown] => [id, DID_NOT_RETURN])])
}

/** Whether the job succeeded, for each of its minions: it returned, with success and the return code 0. */
export function successOf(job: JobView): Record<string, boolean> {
  const ids = [...new Set([...job.minions, ...Object.keys(job.returns)])].sort()
  return Object.fromEntries(
    ids.map(id => {
      const returned = Object.hasOwn(job.returns, id) ? job.returns[id] : undefined
      return [id, returned?.success === true && returned.retcode === 0]
    }),
  )
}

/** The minions on which a job waits or runs, sorted. */
export const busyMinions = (job: JobView): string[] =>
  job.minions.filter(id => !isClosed(stateOn(job, id), true)).sort()

/** Those and the ones that may still come back and start it, sorted. */
export const openMinions = (job: JobView, nowMs: number): string[] =>
  job.minions.filter(id => !isClosed(stateOn(job, id), nowMs > job.deadline)).sort()

/** The others, sorted. */
export const closedMinions = (job: JobView, nowMs: number): string[] =>
  job.minions.filter(id => isClosed(stateOn(job, id), nowMs > job.deadline)).sort()

const stateOn = (job: JobView, id: string): MinionState => job.states[id] ?? 'offline'

export const stateWord = (state: MinionState): string => state.replace('_', ' ')

/** `2 running, 1 returned`, in the order of a job's life. */
export const countsText = (
  counts: Partial<Record<MinionState, number>>,
  paint: (state: MinionState, text: string) => string = (_state, text) => text,
): string =>
  MINION_STATES.flatMap(state => (counts[state] ? [paint(state, `${counts[state]} ${stateWord(state)}`)] : [])).join(
    ', ',
  ) || 'no minions'

/** What was found under a jid, where it is a job on minions. Throws `bad_argument`. */
export function jobOnMinions<Job extends { kind: string; fun: string }>(
  jid: string,
  job: Job | null | undefined,
  what: string,
): Job {
  if (!job)
    throw new ReactorError(
      'bad_argument',
      `there is no job ${jid}, or not any more: jobs.list_jobs lists those that are kept`,
    )
  if (job.kind === 'local') return job
  throw new ReactorError(
    'bad_argument',
    `job ${jid} is the ${job.kind} function ${job.fun}: only jobs on minions can be ${what}`,
  )
}

/** A job of `active`; `pids` tells the process of each minion, as far as it said one. */
export const activeJob = (job: JobView, pids: ReadonlyMap<string, number>): Report => ({
  ...listedJob(job),
  Running: busyMinions(job).map(id => ({ [id]: pids.get(id) ?? null })),
  Returned: Object.keys(job.returns).sort(),
})

/** What minions returned of `saltutil.running`, as pids by jid and minion. What is no list of jobs tells of none. */
export function pidsIn(returns: Readonly<Record<string, { return: unknown }>>): Map<string, Map<string, number>> {
  const pids = new Map<string, Map<string, number>>()
  for (const [id, { return: running }] of Object.entries(returns)) {
    for (const job of Array.isArray(running) ? running : []) {
      if (!isObject(job) || typeof job.jid !== 'string' || typeof job.pid !== 'number') continue
      pids.set(job.jid, (pids.get(job.jid) ?? new Map<string, number>()).set(id, job.pid))
    }
  }
  return pids
}

const sorted = <T>(map: Readonly<Record<string, T>>): [string, T][] =>
  Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1))

/** A job of `master`, in the shape of its `…/new` event. */
export const masterJob = (job: JobSummary): Report => ({
  fun: job.fun.startsWith(`${job.kind}.`) ? job.fun : `${job.kind}.${job.fun}`,
  jid: job.jid,
  user: job.user,
  fun_args: job.arg,
  _stamp: formatStamp(job.start),
})
