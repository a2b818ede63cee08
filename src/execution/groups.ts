// The commands that one job has started, so that a signal reaches all of their processes and nothing else.
import { processStart } from '../base/process-start.ts'
import { signalGroup, signalSession } from './group.ts'

export interface Groups {
  /** The pid of a process that leads a session of its own, and so a group. */
  add(pid: number): void
  /** Pids of the groups in which something lives, in the order of their start. */
  alive(): number[]
  /** Sends a signal to each, and to all groups of its session, and gives back the pids it went to. */
  signal(signal: number): number[]
}

export function createGroups(): Groups {
  const started = new Map<number, string>()
  /** A group keeps its pid from being used again as long as it has a member; after that it may be another's. */
  const isAnothers = (pid: number, start: string) => {
    const now = processStart(pid)
    return now !== '' && start !== '' && now !== start
  }
  const alive = () => {
    for (const [pid, start] of started) if (isAnothers(pid, start) || !signalGroup(pid, 0)) started.delete(pid)
    return [...started.keys()]
  }
  return {
    add(pid) {
      // A job that runs thousands of commands must not remember them all.
      alive()
      started.set(pid, processStart(pid))
    },
    alive,
    // Not only those that live: the group may be gone, and others of its session not.
    signal: signal =>
      [...started].filter(([pid, start]) => !isAnothers(pid, start) && signalSession(pid, signal)).map(([pid]) => pid),
  }
}
