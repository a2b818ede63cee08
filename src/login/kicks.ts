// Who is no longer let in is cut off: at once, and again for a login that was answered a moment before.
import { errorMessage } from '../base/errors.ts'
import { createInHand } from '../base/in-hand.ts'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'
import { type CalloutAccount, type Connections, LONG_STALL_MS } from './connections.ts'

/**
 * Milliseconds after the change, and how long slow servers are waited for. A login can have been answered just before: its
 * connection stands on the server only when the answer has been read, some moments after the first look, and another master
 * may hear of the change a little later than this one and let a login in until then.
 */
const LOOKS = [
  { afterMs: 0, stallMs: 250 },
  { afterMs: 500, stallMs: 1000 },
  { afterMs: 2500, stallMs: LONG_STALL_MS },
]
/** How many names a warning has. */
const MOST_NAMED = 20
/** Keys are deleted by the hundred: those of one moment are looked for together. */
const GATHER_MS = 20
/** After a look that failed: the link is down, or a server did not answer. */
const AGAIN_AFTER_MS = 1000
/** After the last look, once, where a server was silent: it may be back. */
const SILENT_AGAIN_AFTER_MS = 30_000

export interface Kicks extends Running {
  /** Cuts every connection that is under the name. Does not wait. */
  cut(account: CalloutAccount, name: string): void
}

export interface KicksParts {
  connections: Pick<Connections, 'kick' | 'forget'>
  log: Log
}

interface Due {
  names: Set<string>
  looking: boolean
}

export function createKicks({ connections, log }: KicksParts): Kicks {
  const fresh: Record<CalloutAccount, Set<string>> = { FLEET: new Set(), OPS: new Set() }
  /** By account and by how long slow servers are waited for: nobody new waits until a long look at others is over. */
  const due = new Map<string, Due>()
  const dueOf = (account: CalloutAccount, stallMs: number): Due => {
    const key = `${account} ${stallMs}`
    const there = due.get(key) ?? { names: new Set(), looking: false }
    due.set(key, there)
    return there
  }
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

  const lookAfter = (ms: number, account: CalloutAccount, names: Iterable<string>, stallMs: number) =>
    later(ms, () => {
      const now = dueOf(account, stallMs)
      for (const name of names) now.names.add(name)
      if (!now.looking) inHand.add(look(account, stallMs, now))
    })

  /** One look of a kind at a time: what falls due meanwhile goes together into the next. */
  async function look(account: CalloutAccount, stallMs: number, now: Due): Promise<void> {
    now.looking = true
    while (now.names.size > 0) {
      const { names } = now
      now.names = new Set()
      try {
        const { cut, silent } = await connections.kick(account, names, stallMs)
        if (cut > 0)
          log.info({ account, connections: cut }, 'connections were cut: their login is not accepted any more')
        if (silent.length > 0 && stallMs >= LONG_STALL_MS) {
          log.warn(
            { account, servers: silent, names: [...names].slice(0, MOST_NAMED) },
            'servers that were there do not tell their connections: who is to be cut may still be connected to them',
          )
          connections.forget(silent)
          lookAfter(SILENT_AGAIN_AFTER_MS, account, names, stallMs)
        }
      } catch (error) {
        log.warn({ account, error: errorMessage(error) }, 'connections could not be cut yet; it is tried again')
        lookAfter(AGAIN_AFTER_MS, account, names, stallMs)
      }
    }
    now.looking = false
  }

  return {
    cut(account, name) {
      fresh[account].add(name)
      if (fresh[account].size > 1) return
      later(GATHER_MS, () => {
        const names = fresh[account]
        fresh[account] = new Set()
        for (const { afterMs, stallMs } of LOOKS) lookAfter(afterMs, account, names, stallMs)
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
