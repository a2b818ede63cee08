// Pending keys are bounded: whoever can reach the server can make them. The oldest give way, and an alarm says so.
import { errorMessage } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'
import { createTelling } from '../base/telling.ts'
import type { Fire } from '../bus/fire.ts'
import { pendingFull } from '../protocol/catalogue/keys.ts'
import { KEY_STATES, type KeyEntry } from '../protocol/key.ts'
import { deleteKey } from './states.ts'
import type { KeyStore } from './store.ts'

/** Drops the oldest pending keys above the limit; resolves with their ids. */
export function createPendingLimit(store: KeyStore, max: number): () => Promise<string[]> {
  /** Pending, and being dropped: a login that comes meanwhile drops others. */
  const dropping = new Set<string>()
  // At once, and not only when the change has resolved: what is gone must not count as what still goes.
  store.follow((id, entry) => {
    if (entry?.own?.state !== 'pending') dropping.delete(id)
  })
  return async () => {
    const oldest: string[] = []
    for (const id of store.ids.pending) {
      if (store.ids.pending.size - dropping.size <= max) break
      if (dropping.has(id)) continue
      dropping.add(id)
      oldest.push(id)
    }
    const dropped = await Promise.all(
      oldest.map(async id => {
        try {
          const { before, after } = await store.change(id, dropPending)
          return before?.own?.state === 'pending' && after?.own === undefined
        } catch (error) {
          dropping.delete(id)
          throw error
        }
      }),
    )
    return oldest.filter((_, at) => dropped[at])
  }
}

/** With a key that was denied beside it: nobody has decided on either, and else two logins would leave an entry for ever. */
const dropPending = (entry: KeyEntry | undefined): KeyEntry | undefined =>
  entry?.own?.state === 'pending' ? deleteKey(entry, ANY) : entry

const ANY = new Set(KEY_STATES)

const MOST_NAMED = 20

/** Fires `pendingFull` at once, and then at most once a minute for all since. */
export function createPendingAlarm(
  fire: Fire,
  { maxPending, log }: { maxPending: number; log: Log },
): Running & { dropped(ids: readonly string[]): void } {
  const alarm = createTelling<string>(
    (dropped, ids) => {
      const data = { dropped, ids: [...ids], max_pending: maxPending }
      log.error(data, 'more keys are pending than are kept: the oldest were dropped')
      fire(...pendingFull.of({}, data)).catch(error =>
        log.error({ ...data, error: errorMessage(error) }, 'the alarm about pending keys could not be stored'),
      )
    },
    { keep: MOST_NAMED },
  )
  return {
    dropped: alarm.add,
    async stop() {
      alarm.stop()
    },
  }
}
