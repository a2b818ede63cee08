// Logins of pending minions, held back for a moment: a key that is accepted meanwhile lets its minion in at once, and a
// minion that waits asks the server little.
import type { KeyStore } from '../keys/store.ts'
import type { KeyEntry } from '../protocol/key.ts'

/** Milliseconds; a login that takes two seconds makes the server warn of it. */
const HOLD_MS = 1800
/** Logins that are held at once; who comes beyond is not held, and asks again. */
const MAX_HELD = 2000

export interface WaitingLogins {
  /** True as soon as the key is the id's own and accepted; false if it is not in time, or where too many wait. */
  accepted(id: string, nkey: string): Promise<boolean>
  /** Holds nobody any longer. */
  release(): void
}

export function createWaitingLogins(
  keys: Pick<KeyStore, 'get' | 'follow'>,
  { holdMs = HOLD_MS, max = MAX_HELD }: { holdMs?: number; max?: number } = {},
): WaitingLogins {
  const waiting = new Map<string, Set<(entry: KeyEntry | undefined) => void>>()
  let held = 0
  let released = false

  const unfollow = keys.follow((id, entry) => {
    for (const look of [...(waiting.get(id) ?? [])]) look(entry)
  })

  return {
    accepted(id, nkey) {
      const isAccepted = (entry: KeyEntry | undefined) => entry?.own?.nkey === nkey && entry.own.state === 'accepted'
      // Between the answer that it is pending and now.
      if (isAccepted(keys.get(id))) return Promise.resolve(true)
      if (released || held >= max) return Promise.resolve(false)
      held++
      const ofId = waiting.get(id) ?? new Set()
      waiting.set(id, ofId)
      return new Promise(resolve => {
        const done = (answer: boolean) => {
          clearTimeout(timer)
          held--
          ofId.delete(look)
          if (ofId.size === 0) waiting.delete(id)
          resolve(answer)
        }
        const look = (entry: KeyEntry | undefined) => {
          if (released) done(false)
          else if (isAccepted(entry)) done(true)
        }
        const timer = setTimeout(done, holdMs, false)
        ofId.add(look)
      })
    },
    release() {
      released = true
      unfollow()
      for (const ofId of [...waiting.values()]) for (const look of [...ofId]) look(undefined)
    },
  }
}
