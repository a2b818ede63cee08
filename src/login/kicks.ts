// Who is no longer let in is cut off: at once, and again for a login that was answered a moment before.
import { errorMessage } from '../base/errors.ts'
import { createInHand } from '../base/in-hand.ts'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'
import type { CalloutAccount, Connections } from './connections.ts'

/**
 * Milliseconds after the change. A login can have been answered just before: its connection stands on the server only when
 * the answer has been read, some moments after the first look, and another master may hear of the change a little later
 * than this one and let a login in until then.
 */
const LOOK_AFTER_MS = [0, 500, 2500]
/** Keys are deleted by the hundred: those of one moment are looked for together. */
const GATHER_MS = 20
/** After a look that failed: the link is down, or a server did not answer. */
const AGAIN_AFTER_MS = 1000

export interface Kicks extends Running {
  /** Cuts every connection that is under the name. Does not wait. */
  cut(account: CalloutAccount, name: string): void
}

export function createKicks({ connections, log }: { connections: Pick<Connections, 'kick'>; log: Log }): Kicks {
  const fresh: Record<CalloutAccount, Set<string>> = { FLEET: new Set(), OPS: new Set() }
  const due: Record<CalloutAccount, Set<string>> = { FLEET: new Set(), OPS: new Set() }
  const looking: Record<CalloutAccount, boolean> = { FLEET: false, OPS: false }
  const timers = new Set<NodeJS.Timeout>()
  const inHand = createInHand(error => log.error({ error: errorMessage(error) }, 'cutting connections failed'))
  let stopped = false

  const later = (ms: number, run: () => void) => {
    if (stopped) return
    const timer = setTimeout(() => {
      timers.delete(timer)
      run()
    }, ms)
    timers.add(timer)
  }

  const lookAfter = (ms: number, account: CalloutAccount, names: Iterable<string>) =>
    later(ms, () => {
      for (const name of names) due[account].add(name)
      if (!looking[account]) inHand.add(look(account))
    })

  /** One look at a time: what falls due meanwhile goes together into the next. */
  async function look(account: CalloutAccount): Promise<void> {
    looking[account] = true
    while (due[account].size > 0) {
      const names = due[account]
      due[account] = new Set()
      try {
        const cut = await connections.kick(account, names)
        if (cut > 0)
          log.info({ account, connections: cut }, 'connections were cut: their login is not accepted any more')
      } catch (error) {
        log.warn({ account, error: errorMessage(error) }, 'connections could not be cut yet; it is tried again')
        lookAfter(AGAIN_AFTER_MS, account, names)
      }
    }
    looking[account] = false
  }

  return {
    cut(account, name) {
      fresh[account].add(name)
      if (fresh[account].size > 1) return
      later(GATHER_MS, () => {
        const names = fresh[account]
        fresh[account] = new Set()
        for (const ms of LOOK_AFTER_MS) lookAfter(ms, account, names)
      })
    },
    async stop() {
      stopped = true
      for (const timer of timers) clearTimeout(timer)
      timers.clear()
      await inHand.settle()
    },
  }
}
