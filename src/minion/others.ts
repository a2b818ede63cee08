// The jobs of the minion that runs on this machine, as another process sees them: by the file that it keeps them in.
import { readFile } from 'node:fs/promises'
import { ReactorError } from '../base/errors.ts'
import { userOf } from '../base/file-lock.ts'
import { processFamily } from '../base/process-start.ts'
import { signalSession } from '../execution/group.ts'
import type { MinionJobs, RunningJob } from '../functions/context.ts'
import { saltArgs } from '../protocol/salt-args.ts'
import { isJobMessage, type RunningOnDisk } from './held.ts'

/** What runs now, by its lines: the last one of a jid says how it stands. */
async function readRunning(file: string): Promise<RunningOnDisk[]> {
  const running = new Map<string, RunningOnDisk>()
  for (const line of (await textOf(file)).split('\n')) {
    const entry = entryOf(line)
    if (!entry) continue
    const { k: jid, v: held } = entry
    if (held?.state === 'running' && isJobMessage(held.job)) running.set(jid, held as RunningOnDisk)
    else running.delete(jid)
  }
  return [...running.values()]
}

/** `saltutil` for a process beside the minion: it sees the minion's jobs, and signals the processes that they started. */
export async function openOthersJobs(file: string): Promise<Pick<MinionJobs, 'running' | 'signal'>> {
  const minion = userOf(file)
  // What a minion that is gone has left there does not run: it says so itself at its next start.
  const jobs = minion === undefined ? [] : await readRunning(file)
  return {
    running: () => jobs.map(shown),
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

const shown = ({ job, pid }: RunningOnDisk): RunningJob => ({
  jid: job.jid,
  fun: job.fun,
  arg: saltArgs(job.arg, job.kwarg),
  tgt: job.tgt,
  tgt_type: job.tgt_type,
  user: job.user,
  ret: '',
  pid: pid ?? 0,
})

function entryOf(line: string): { k: string; v?: Partial<RunningOnDisk> } | undefined {
  try {
    return JSON.parse(line)
  } catch {
    return undefined // a line on its way, or none
  }
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}
