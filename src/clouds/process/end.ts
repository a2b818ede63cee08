// Ending a machine with all its processes: no signal ever goes to a process that only has the pid of one.
import { setTimeout as delay } from 'node:timers/promises'
import { ReactorError } from '../../base/errors.ts'
import { isRunning, processFamily } from '../../base/process-start.ts'
import { type ProcessMark, type Running, readRunning } from './folder.ts'
import { markedProcesses } from './marked.ts'

const LOOK_MS = 25
const STOP_WITHIN_MS = 5000
const KILL_WITHIN_MS = 5000
const CLEAR_LOOKS = 2

/** Ends the machine and its minion, asked first, and then all that they started. Throws `timeout` where one of them is still there. */
export async function endMachine(folder: string, id: string, signal: AbortSignal): Promise<void> {
  const running = await readRunning(folder)
  const known = running ? await endKnown(running, signal) : []
  const left = [...new Set([...known, ...(await endMarked(id, signal))])]
  if (left.length > 0) throw new ReactorError('timeout', `processes of the machine do not end: ${left.join(', ')}`)
}

/**
 * Kills what carries the mark of the machine, but this process, until there is none: jobs lead sessions of their own, and outlive a
 * minion that could not end them. Gives the pids that are still there.
 */
export async function endMarked(id: string, signal?: AbortSignal): Promise<number[]> {
  const end = Date.now() + KILL_WITHIN_MS
  // One that just becomes another program shows no environment for a moment.
  for (let clear = 0; clear < CLEAR_LOOKS; await delay(LOOK_MS)) {
    signal?.throwIfAborted()
    const found = markedProcesses(id)
    if (found.length > 0 && Date.now() > end) return found.map(({ pid }) => pid)
    for (const one of found) if (isThere(one)) send(one.pid, 'SIGKILL')
    clear = found.length > 0 ? 0 : clear + 1
  }
  return []
}

/** Gives the pids that are still there. */
async function endKnown(running: Running, signal: AbortSignal): Promise<number[]> {
  const all = [running, ...(running.minion ? [running.minion] : [])]
  const left = () => all.filter(isThere)
  if (isThere(running)) send(running.pid, 'SIGTERM')
  else if (running.minion && isThere(running.minion)) send(running.minion.pid, 'SIGTERM')
  await untilGone(left, STOP_WITHIN_MS, signal)
  for (const one of left()) killGroupOf(one, running.pid)
  await untilGone(left, KILL_WITHIN_MS, signal)
  return left().map(({ pid }) => pid)
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
    // One that may not be signalled is found still there, and that is said.
    if (!['ESRCH', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
  }
}

async function untilGone(left: () => unknown[], ms: number, signal: AbortSignal): Promise<void> {
  const end = Date.now() + ms
  while (left().length > 0 && Date.now() < end) {
    signal.throwIfAborted()
    await delay(LOOK_MS)
  }
}
