// What the system tells of a process: when it started, so that a pid that another program has got since is not taken for
// it, and to whom it belongs.
import { readFileSync } from 'node:fs'

/** Places of what the system tells of a process, from its state on. */
const FIELD = { state: 0, parent: 1, group: 2, session: 3, start: 19 } as const

/** A text that differs for two processes that had the same pid; empty where the system does not tell, or there is none. */
export const processStart = (pid: number): string => fieldsOf(pid)?.[FIELD.start] ?? ''

/** Whether the process of that pid is the one that started then, and has not ended; false where the system does not tell. */
export function isRunning(pid: number, start: string): boolean {
  const fields = fieldsOf(pid)
  // Of one that has ended, and that its parent has not taken note of, the system still tells.
  return fields !== undefined && fields[FIELD.start] === start && !/^[ZX]$/.test(fields[FIELD.state]!)
}

/** Pids of the parent, and of the leaders of the group and the session; undefined where the system does not tell, or there is none. */
export function processFamily(pid: number): { parent: number; group: number; session: number } | undefined {
  const fields = fieldsOf(pid)
  if (!fields) return undefined
  const [parent, group, session] = [FIELD.parent, FIELD.group, FIELD.session].map(at => Number(fields[at]))
  return { parent: parent!, group: group!, session: session! }
}

function fieldsOf(pid: number): string[] | undefined {
  try {
    const line = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The program's name stands before, in parentheses, and may hold anything.
    return line.slice(line.lastIndexOf(')') + 2).split(' ')
  } catch {
    return undefined
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
