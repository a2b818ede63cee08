// When a process started, so that a pid that the system has given to another program since is not taken for it.
import { readFileSync } from 'node:fs'

/** Where the state of a process begins in its line, and where the start lies from there. */
const START_FIELD = 19

/** A text that differs for two processes that had the same pid; empty where the system does not tell, or there is none. */
export function processStart(pid: number): string {
  try {
    const line = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The program's name stands before, in parentheses, and may hold anything.
    return line.slice(line.lastIndexOf(')') + 2).split(' ')[START_FIELD] ?? ''
  } catch {
    return ''
  }
}

/** Whether the pid is of a process that lives. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
