// The jobs of the minion that runs on this machine, as another process sees them: by the file that it keeps them in.
import { ReactorError } from '../base/errors.ts'
import { userOf } from '../base/file-lock.ts'
import { processFamily } from '../base/process-start.ts'
import { signalSession } from '../execution/group.ts'
import type { MinionJobs } from '../functions/minion-context.ts'
import { shownJob } from './control.ts'
import { type Held, type RunningOnDisk, readHeldJobs } from './held.ts'

const isRunning = (held: Held): held is RunningOnDisk => typeof held !== 'number' && held.state === 'running'

/** `saltutil` for a process beside the minion: it sees the minion's jobs, and signals the processes that they started. */
export async function openOthersJobs(file: string): Promise<Pick<MinionJobs, 'running' | 'signal'>> {
  const minion = userOf(file)
  // What a minion that is gone has left there does not run: it says so itself at its next start.
  const jobs = minion === undefined ? [] : [...(await readHeldJobs(file)).values()].filter(isRunning)
  return {
    running: () => jobs.map(({ job, pid }) => shownJob(job, pid ?? 0)),
    signal(jid, signal) {
      const found = jobs.find(({ job }) => job.jid === jid)
      if (!found) return undefined
      const { pid } = found
      if (pid !== undefined && isOf(minion, pid) && signalSession(pid, signal)) return [pid]
      throw new ReactorError(
        'function_failed',
        `job ${jid} has no process now that a signal could reach from here: 'reactor jobs kill ${jid}' has the minion itself end it`,
      )
    },
  }
}

/** The pid may be another's by now, unless it is of a child of the minion; one that is gone leaves its group behind. */
function isOf(minion: number | undefined, pid: number): boolean {
  const family = processFamily(pid)
  return family === undefined || family.parent === minion
}
