// Kills a process group: first asks it to end, then makes it, and knows when nothing of it is left.
import { setTimeout as delay } from 'node:timers/promises'

/** What a group gets to end by itself. */
export const GRACE_MS = 2000
const LOOK_EVERY_MS = 20

export interface GroupKiller {
  /** Sends SIGTERM to all of the group, unless it was `told` by others, and SIGKILL after the grace; a second call changes nothing. */
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
      timer = setTimeout(signalGroup, GRACE_MS, pid, 'SIGKILL')
      if (!told) signalGroup(pid, 'SIGTERM')
    },
    async done() {
      if (deadline === undefined) return
      // The leader is gone; children that hold out have the rest of the grace.
      while (signalGroup(pid, 0) && performance.now() < deadline) await delay(LOOK_EVERY_MS)
      clearTimeout(timer)
      signalGroup(pid, 'SIGKILL')
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
