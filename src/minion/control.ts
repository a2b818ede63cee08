// What `saltutil` sees of a minion's jobs, and how a signal reaches one.
import { constants } from 'node:os'
import type { MinionJobs, RunningJob } from '../functions/minion-context.ts'
import type { JobMessage, JobReturn } from '../protocol/job.ts'
import { saltArgs } from '../protocol/salt-args.ts'
import { returnOf } from './job-return.ts'
import type { Ending, JobRun } from './run.ts'
import type { WaitingJobs } from './waiting.ts'

export interface ControlParts {
  id: string
  runs: ReadonlyMap<string, JobRun>
  waiting: WaitingJobs
  /** Takes the return of a job that was taken out of the line. */
  finish(job: JobMessage, returned: JobReturn): void
}

const { SIGTERM, SIGKILL } = constants.signals
/** The signals that end a job, whatever it runs. */
const ENDINGS: Readonly<Record<number, string>> = {
  [SIGKILL]: `killed by saltutil.kill_job (signal ${SIGKILL})`,
  [SIGTERM]: `terminated by saltutil.term_job (signal ${SIGTERM})`,
}

export function createControl({ id, runs, waiting, finish }: ControlParts): Pick<MinionJobs, 'running' | 'signal'> {
  return {
    running: () => [...runs.values()].map(({ job, pids }) => shownJob(job, pids()[0] ?? process.pid)),
    signal(jid, signal) {
      const words = ENDINGS[signal]
      const one = runs.get(jid)
      if (one && words === undefined) return one.signal(signal)
      if (words === undefined) return undefined
      const ending: Ending = { words, retcode: -signal, signal }
      if (one) {
        const pids = one.pids()
        one.end(ending)
        return pids
      }
      const entry = waiting.remove(jid)
      if (!entry) return undefined
      finish(entry.job, returnOf(id, entry.job, `${words} before it was started`, ending.retcode))
      return []
    },
  }
}

/** A job that runs, in Salt's form. */
export const shownJob = (job: JobMessage, pid: number): RunningJob => ({
  jid: job.jid,
  fun: job.fun,
  arg: saltArgs(job.arg, job.kwarg),
  tgt: job.tgt,
  tgt_type: job.tgt_type,
  user: job.user,
  ret: job.ret ?? '',
  ...(job.scheduled ? { schedule: job.scheduled.name } : {}),
  pid,
})
