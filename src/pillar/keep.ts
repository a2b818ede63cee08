// What targets and runners see of pillars, without secrets: the bucket `pillars`.
import { isDeepStrictEqual } from 'node:util'
import type { KV } from '@nats-io/kv'
import { errorMessage } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { PillarEntry } from '../fleet/registry.ts'
import { escapeToken } from '../protocol/token.ts'

/** Stores a minion's pillar where it is another than the one that is known; what cannot be stored is said in the log. */
export function createPillarKeeper(
  bucket: Pick<KV, 'put'>,
  known: { readonly values: ReadonlyMap<string, PillarEntry> },
  log: Log,
) {
  return async (id: string, pillar: Record<string, unknown>): Promise<void> => {
    const key = escapeToken(id)
    if (isDeepStrictEqual(known.values.get(key)?.pillar, pillar)) return
    const entry: PillarEntry = { id, pillar }
    try {
      await bucket.put(key, JSON.stringify(entry))
    } catch (error) {
      // The minion has its pillar all the same.
      log.error({ minion: id, error: errorMessage(error) }, 'targets cannot see the pillar of this minion as it is now')
    }
  }
}
