// Keys that the config accepts before their minions exist.
import type { Audit } from '../audit/audit.ts'
import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import { recordKeys } from './operations.ts'
import { arrive } from './states.ts'
import type { KeyStore } from './store.ts'

/** In the audit record. */
const CONFIG = { user: 'config', source: 'CORE' }

/**
 * Accepts them where nobody has decided on the id yet; a key of somebody else that only waits gives way. What operators
 * have decided since stays, a deletion too, and is logged where it differs. Throws `store_refused`.
 */
export async function seedAcceptedKeys(
  { store, audit, clock, log }: { store: KeyStore; audit: Audit; clock: Clock; log: Log },
  accepted: Readonly<Record<string, string>>,
): Promise<void> {
  const seeded: string[] = []
  const seed = async ([id, nkey]: [string, string]) => {
    const { before, after } = await store.change(id, entry => {
      if (entry?.own && entry.own.state !== 'pending') return entry
      if (entry?.deleted?.nkey === nkey) return entry
      return arrive(entry, { id, nkey, state: 'accepted', over: true }, clock.now())
    })
    if (after !== before) seeded.push(id)
    const own = after?.own
    if (own?.nkey === nkey && own.state === 'accepted') return
    if (own?.state !== 'accepted' && after?.deleted?.nkey === nkey)
      log.warn({ id }, "a key of master.accepted_keys was deleted, and stays so; 'reactor key accept' lets it in again")
    else if (own?.nkey === nkey)
      log.warn({ id, state: own.state }, `a key of master.accepted_keys is ${own.state}, and stays so`)
    else
      log.error({ id, configured: nkey, known: own?.nkey }, 'master.accepted_keys has another key than the one known')
  }
  const ended = await Promise.allSettled(Object.entries(accepted).map(seed))
  // Also of those that were seeded beside one that failed.
  recordKeys(audit, 'key.accept', seeded, CONFIG)
  for (const result of ended) if (result.status === 'rejected') throw result.reason
}
