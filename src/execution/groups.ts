// The process groups that one job has started, so that a signal reaches all of them and nothing else.
import { processStart } from '../base/process-start.ts'
import { signalGroup } from './group.ts'

export interface Groups {
  /** The pid of a process that leads a group of its own. */
  add(pid: number): void
  /** Pids of the groups in which something lives, in the order of their start. */
  alive(): number[]
  /** Sends a signal to each and gives back the pids it went to. */
  signal(signal: number): number[]
}

export function createGroups(): Groups {
  const started = new Map<number, string>()
  /** A group keeps its pid from being used again as long as it has a member; after that it may be another's. */
  const isOurs = (pid: number, start: string) => {
    const now = processStart(pid)
    return (now === '' || start === '' || now === start) && signalGroup(pid, 0)
  }
  const alive = () => {
    for (const [pid, start] of started) if (!isOurs(pid, start)) started.delete(pid)
    return [...started.keys()]
  }
  return {
    add(pid) {
      // A job that runs thousands of commands must not remember them all.
      alive()
      started.set(pid, processStart(pid))
    },
    alive,
    signal: signal => alive().filter(pid => signalGroup(pid, signal)),
  }
}
