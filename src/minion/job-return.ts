// The return of a job, in Salt's shape.
import type { Log } from '../base/log.ts'
import type { Outcome } from '../functions/call.ts'
import type { JobMessage, JobReturn, ScheduledRun } from '../protocol/job.ts'
import { saltArgs } from '../protocol/salt-args.ts'

/** Retcode of a function that is not there, as Salt's scheduler returns it. */
const UNKNOWN_FUNCTION = 254

/** The return of a job by what its function came to. */
export function returnOfOutcome(id: string, job: JobMessage, outcome: Outcome, retcode: number, log: Log): JobReturn {
  if (outcome.ok) return returnOf(id, job, outcome.value, retcode)
  if (outcome.stack) log.warn({ stack: outcome.stack }, 'a function failed on an exception of its own')
  const code = outcome.code === 'unknown_function' ? UNKNOWN_FUNCTION : retcode || 1
  return returnOf(id, job, outcome.message, code)
}

export function returnOf(id: string, job: JobMessage, value: unknown, retcode: number): JobReturn {
  const { jid, fun } = job
  const { arg, kwarg } = job.scheduled?.shown ?? job
  const fun_args = saltArgs(arg, kwarg)
  const returned: JobReturn = { id, jid, fun, fun_args, return: value, retcode, success: retcode === 0, cmd: '_return' }
  return job.scheduled ? { ...returned, ...ofSchedule(id, job.scheduled, fun_args) } : returned
}

/** What Salt says besides with a run of the minion's own schedule. */
const ofSchedule = (id: string, { name, return_job, metadata }: ScheduledRun, arg: unknown[]): Partial<JobReturn> => ({
  schedule: name,
  ...{ pid: process.pid, arg, tgt: id, tgt_type: 'glob' },
  ...(metadata ? { metadata } : {}),
  ...(return_job === 'nocache' ? { nocache: true } : {}),
})
