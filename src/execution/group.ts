// Kills a process group: first asks it to end, then makes it, and knows when nothing of it is left.
import { setTimeout as delay } from 'node:timers/promises'

/** What a group gets to end by itself. */
const GRACE_MS = 2000
const LOOK_EVERY_MS = 20

export interface GroupKiller {
  /** Sends SIGTERM to all of the group, and SIGKILL after the grace; a second call changes nothing. */
  kill(): void
  /** Resolves once a kill that was begun is over, at once where none was. Call it after the leader has ended. */
  done(): Promise<void>
}

export function createGroupKiller(pid: number): GroupKiller {
  let deadline: number | undefined
  let timer: NodeJS.Timeout | undefined
  return {
    kill() {
      if (deadline !== undefined) return
      deadline = performance.now() + GRACE_MS
      timer = setTimeout(send, GRACE_MS, pid, 'SIGKILL')
      send(pid, 'SIGTERM')
    },
    async done() {
      if (deadline === undefined) return
      // The leader is gone; children that hold out have the rest of the grace.
      while (send(pid, 0) && performance.now() < deadline) await delay(LOOK_EVERY_MS)
      clearTimeout(timer)
      send(pid, 'SIGKILL')
    },
  }
}

/** False when there is no such group, or nothing in it that may be signalled. */
function send(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-pid, signal)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ESRCH' || code === 'EPERM') return false
    throw error
  }
}
