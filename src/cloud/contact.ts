// When the minion of a new machine has come to the door, and whether it may wait there: the master says so of each key.
import { ReactorError } from '../base/errors.ts'
import type { Config } from '../config/schema.ts'
import { auth } from '../protocol/catalogue/keys.ts'
import { minionStart } from '../protocol/catalogue/minion.ts'

/** Events that are stored from when it resolves on, until `signal` aborts. */
export type Hear = (
  glob: string,
  onEvent: (event: { tag: string; data: Record<string, unknown> }) => void,
  signal: AbortSignal,
) => Promise<void>

export interface Contact {
  /**
   * Resolves once the minion with this key waits at the door or was let in. Throws where it was turned away: what another
   * key under the same id has done meanwhile is no matter then.
   */
  of(key: string, signal: AbortSignal): Promise<void>
}

const WAITS = new Set(['pend', 'accept'])

/** Listens from when it resolves on. Without accounts there are no keys: the minion's start is all there is. */
export async function listenForContact(
  hear: Hear,
  name: string,
  isolation: Config['isolation'],
  signal: AbortSignal,
): Promise<Contact> {
  /** The last word on each key; of no key, where there are none. */
  const said = new Map<string, string>()
  let changed: () => void = () => undefined
  const note = (key: string, act: string) => {
    said.set(key, act)
    changed()
  }
  const withKeys = isolation === 'accounts'
  if (withKeys)
    await hear(
      auth.tag({}),
      ({ data: { id, pub, act } }) => {
        if (id === name && typeof pub === 'string' && typeof act === 'string') note(pub, act)
      },
      signal,
    )
  else await hear(minionStart.tag({ id: name }), () => note('', 'accept'), signal)

  return {
    async of(key, until) {
      for (;;) {
        until.throwIfAborted()
        const act = said.get(withKeys ? key : '')
        if (act !== undefined && WAITS.has(act)) return
        if (act !== undefined) throw new ReactorError('forbidden', refusalOf(act, name))
        await new Promise<void>(resolve => {
          changed = resolve
          until.addEventListener('abort', () => resolve(), { once: true })
        })
      }
    },
  }
}

function refusalOf(act: string, name: string): string {
  if (act === 'denied')
    return `its key was denied, since the id '${name}' has another: look at it with key.finger; take it away with key.delete, or give the machine another name`
  if (act === 'full') return 'its key was turned away: the master accepts no more minions (master.max_minions)'
  return `its key was turned away (${act}): the log of the master says why`
}
