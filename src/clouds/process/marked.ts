// Which processes are a machine's: a variable of the environment, which each passes on to those that it starts, names the machine, so that
// they are found when those who started them are gone.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { processStart } from '../../base/process-start.ts'
import type { ProcessMark } from './folder.ts'

/** Holds the id of the machine. */
export const MACHINE_VARIABLE = 'REACTOR_MACHINE'

/** Those of this user that live, but this process; none where the system shows no environments. */
export const markedProcesses = (id: string): ProcessMark[] =>
  (existsSync('/proc') ? readdirSync('/proc') : [])
    .filter(name => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap(name => {
      const pid = Number(name)
      // Asked for first: who has the pid later started later.
      const start = processStart(pid)
      return start !== '' && isMarked(pid, id) ? [{ pid, start }] : []
    })

function isMarked(pid: number, id: string): boolean {
  try {
    const variables = readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0')
    return variables.includes(`${MACHINE_VARIABLE}=${id}`) && userOf(pid) === process.getuid?.()
  } catch {
    // It is gone, or another's.
    return false
  }
}

const userOf = (pid: number): number =>
  Number(/^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1])
