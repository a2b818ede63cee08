// Jobs as Salt's runner `jobs` shows them. Pure.
import { isObject } from '../base/json.ts'
import { formatStamp } from '../protocol/event.ts'
import type { CachedReturn, JobSummary, JobView } from '../protocol/job-view.ts'
import { startTime } from './jid.ts'

/** What Salt says of a jid that its cache does not know. */
export const NO_SUCH_JOB = 'Cannot contact returner or no job with this jid'
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
  Object.keys(job.states)
    .filter(id => job.states[id] === 'accepted' || job.states[id] === 'running')
    .sort()

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
