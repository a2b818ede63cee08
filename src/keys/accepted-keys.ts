// Keys that the config accepts before their minions exist.
import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import { arrive } from './states.ts'
import type { KeyStore } from './store.ts'

/**
 * Accepts them where nobody has decided on the id yet; a key of somebody else that only waits gives way. What operators
 * have decided since stays, and is logged where it differs. Throws `store_refused`.
 */
export async function seedAcceptedKeys(
  store: KeyStore,
  accepted: Readonly<Record<string, string>>,
  clock: Clock,
  log: Log,
): Promise<void> {
  await Promise.all(
    Object.entries(accepted).map(async ([id, nkey]) => {
      const { after } = await store.change(id, entry => {
        if (entry?.own && entry.own.state !== 'pending') return entry
        return arrive(entry, { id, nkey, state: 'accepted', over: true }, clock.now())
      })
      const own = after?.own
      if (own?.nkey !== nkey)
        log.error({ id, configured: nkey, known: own?.nkey }, 'master.accepted_keys has another key than the one known')
      else if (own.state !== 'accepted')
        log.warn({ id, state: own.state }, `a key of master.accepted_keys is ${own.state}, and stays so`)
    }),
  )
}
