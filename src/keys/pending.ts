// Pending keys are bounded: whoever can reach the server can make them. The oldest give way, and an alarm says so.
import { errorMessage } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'
import type { Fire } from '../bus/fire.ts'
import { deleteKey } from './states.ts'
import type { KeyStore } from './store.ts'

/** Drops the oldest pending keys above the limit; resolves with their ids. */
export function createPendingLimit(store: KeyStore, max: number): () => Promise<string[]> {
  /** In hand: a login that comes meanwhile drops others. */
  const dropping = new Set<string>()
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
          const { before, after } = await store.change(id, entry => deleteKey(entry, PENDING))
          return before?.own?.state === 'pending' && after?.own === undefined
        } finally {
          dropping.delete(id)
        }
      }),
    )
    return oldest.filter((_, at) => dropped[at])
  }
}

const PENDING = new Set(['pending'] as const)

const PERIOD_MS = 60_000
const MOST_NAMED = 20

/** Fires `salt/alarm/keys/pending_full` `{dropped, ids, max_pending}` at once, and then at most once a minute for all since. */
export function createPendingAlarm(
  fire: Fire,
  options: { maxPending: number; log: Log; periodMs?: number },
): Running & { dropped(ids: readonly string[]): void } {
  const { maxPending, log, periodMs = PERIOD_MS } = options
  let count = 0
  let named: string[] = []
  let timer: NodeJS.Timeout | undefined
  const tell = () => {
    timer = undefined
    if (count === 0) return
    const data = { dropped: count, ids: named, max_pending: maxPending }
    count = 0
    named = []
    timer = setTimeout(tell, periodMs).unref()
    log.error(data, 'more keys are pending than are kept: the oldest were dropped')
    fire('salt/alarm/keys/pending_full', data).catch(error =>
      log.error({ ...data, error: errorMessage(error) }, 'the alarm about pending keys could not be stored'),
    )
  }
  return {
    dropped(ids) {
      if (ids.length === 0) return
      count += ids.length
      named = [...named, ...ids.slice(0, MOST_NAMED - named.length)]
      if (!timer) tell()
    },
    async stop() {
      clearTimeout(timer)
    },
  }
}
