// Starting a machine's process, and ending it: no signal ever goes to a process that only has the pid of one.
import { spawn } from 'node:child_process'
import { open } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { ReactorError } from '../../base/errors.ts'
import { isRunning, processFamily } from '../../base/process-start.ts'
import { LOG, lastWords, type ProcessMark, readRunning } from './folder.ts'

const MACHINE = fileURLToPath(new URL(`./machine${extname(import.meta.url)}`, import.meta.url))
/** All else of this process's environment, secrets and the way to the server, is not the machine's. */
const KEPT = ['PATH', 'HOME', 'USER', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR']
const LOOK_MS = 25
const STOP_WITHIN_MS = 5000
const KILL_WITHIN_MS = 5000

/** Resolves once the machine has said which process it is. Throws `child_died` with its last words; nothing runs then. */
export async function startMachine(folder: string, signal: AbortSignal): Promise<void> {
  const log = await open(join(folder, LOG), 'a', 0o600)
  const child = spawn(process.execPath, [MACHINE, folder], {
    cwd: folder,
    // Of a group and a session of its own: it outlives whoever made it, and ends with all its processes.
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
    env: Object.fromEntries(KEPT.flatMap(name => (process.env[name] === undefined ? [] : [[name, process.env[name]]]))),
  })
  let ended: string | undefined
  child.once('exit', (code, killed) => {
    ended = killed ?? `exit code ${code}`
  })
  child.once('error', error => {
    ended = error.message
  })
  child.unref()
  try {
    while ((await readRunning(folder))?.pid !== child.pid || child.pid === undefined) {
      if (ended !== undefined)
        throw new ReactorError('child_died', `the machine's process ended (${ended}): ${await lastWords(folder)}`)
      signal.throwIfAborted()
      await delay(LOOK_MS)
    }
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  } finally {
    await log.close()
  }
}

/** Ends the machine and its minion: asked first, then not. Throws `timeout` where one of them is still there. */
export async function endMachine(folder: string, signal: AbortSignal): Promise<void> {
  const running = await readRunning(folder)
  if (!running) return
  const all = [running, ...(running.minion ? [running.minion] : [])]
  const left = () => all.filter(isThere)
  if (isThere(running)) send(running.pid, 'SIGTERM')
  else if (running.minion && isThere(running.minion)) send(running.minion.pid, 'SIGTERM')
  await untilGone(left, STOP_WITHIN_MS, signal)
  for (const one of left()) killGroupOf(one, running.pid)
  await untilGone(left, KILL_WITHIN_MS, signal)
  const pids = left().map(({ pid }) => pid)
  if (pids.length > 0) throw new ReactorError('timeout', `processes of the machine do not end: ${pids.join(', ')}`)
}

export const isThere = ({ pid, start }: ProcessMark): boolean => isRunning(pid, start)

/** The group is the machine's own as long as one of its processes, known by its start, is in it. */
function killGroupOf({ pid }: ProcessMark, machine: number): void {
  const isOwn = processFamily(pid)?.group === machine
  send(isOwn ? -machine : pid, 'SIGKILL')
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

async function untilGone(left: () => unknown[], ms: number, signal: AbortSignal): Promise<void> {
  const end = Date.now() + ms
  while (left().length > 0 && Date.now() < end) {
    signal.throwIfAborted()
    await delay(LOOK_MS)
  }
}
