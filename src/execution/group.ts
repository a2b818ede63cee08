// Kills a command with all that it started: first asks it to end, then makes it, and knows when nothing of it is left. A
// command leads a session; timeout(1) and shells with job control make process groups of their own in it. What has begun a
// session of its own is a daemon that is meant to stay.
import { readdirSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { processFamily } from '../base/process-start.ts'

/** What a group gets to end by itself. */
export const GRACE_MS = 2000
const LOOK_EVERY_MS = 20

/** The reason of an abort by which a job is ended: its process groups have had its signal when the abort is seen. */
export class JobEnded extends Error {
  override readonly name = 'JobEnded'
}

export interface GroupKiller {
  /** Sends SIGTERM to all of the session, unless it was `told` by others, and SIGKILL after the grace; a second call changes nothing. */
  kill(told?: boolean): void
  /** Resolves once a kill that was begun is over, at once where none was. Call it after the leader has ended. */
  done(): Promise<void>
}

export function createGroupKiller(pid: number): GroupKiller {
  let deadline: number | undefined
  let timer: NodeJS.Timeout | undefined
  return {
    kill(told = false) {
      if (deadline !== undefined) return
      deadline = performance.now() + GRACE_MS
      timer = setTimeout(signalSession, GRACE_MS, pid, 'SIGKILL')
      if (!told) signalSession(pid, 'SIGTERM')
    },
    async done() {
      if (deadline === undefined) return
      // The leader is gone; children that hold out have the rest of the grace.
      while (signalSession(pid, 0) && performance.now() < deadline) await delay(LOOK_EVERY_MS)
      clearTimeout(timer)
      signalSession(pid, 'SIGKILL')
    },
  }
}

/** False when there is no such group, or nothing in it that may be signalled. */
export function signalGroup(pid: number, signal: NodeJS.Signals | number): boolean {
  try {
    return process.kill(-pid, signal)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ESRCH' || code === 'EPERM') return false
    throw error
  }
}

/** As `signalGroup`, to every group of the session that `pid` leads. */
export function signalSession(pid: number, signal: NodeJS.Signals | number): boolean {
  const reached = signalGroup(pid, signal)
  if (reached && signal === 0) return true
  return otherGroups(pid).filter(group => signalGroup(group, signal)).length > 0 || reached
}

/** The system keeps the pid of a session from being used again as long as it has a member. */
function otherGroups(pid: number): number[] {
  const groups = new Set<number>()
  for (const name of processes()) {
    const family = processFamily(Number(name))
    if (family?.session === pid && family.group !== pid) groups.add(family.group)
  }
  return [...groups]
}

function processes(): string[] {
  try {
    return readdirSync('/proc').filter(name => /^\d+$/.test(name))
  } catch {
    // Where the system does not list them there, the group is all that is known.
    return []
  }
}
