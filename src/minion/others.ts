// The jobs of the minion that runs on this machine, as another process sees them: by the file that it keeps them in.
import { readFile } from 'node:fs/promises'
import { errorMessage, ReactorError } from '../base/errors.ts'
import type { MinionJobs, RunningJob } from '../functions/context.ts'
import { saltArgs } from '../protocol/salt-args.ts'
import { isJobMessage, type RunningOnDisk } from './held.ts'

/** What runs now, by its lines: the last one of a jid says how it stands. */
export async function readRunning(file: string): Promise<RunningOnDisk[]> {
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
  const jobs = await readRunning(file)
  return {
    running: () => jobs.map(shown),
    signal(jid, signal) {
      const found = jobs.find(({ job }) => job.jid === jid)
      if (!found) return undefined
      return found.pid !== undefined && send(found.pid, signal) ? [found.pid] : []
    },
  }
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

/** To its process group. False: it has ended. */
function send(pid: number, signal: number): boolean {
  try {
    process.kill(-pid, signal)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
    throw new ReactorError('function_failed', `process ${pid} cannot be signalled: ${errorMessage(error)}`)
  }
}

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
