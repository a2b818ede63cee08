// The keys of minions: the bucket `keys` in memory, changed by compare-and-set, with the ids by the state of their key.
import type { NatsConnection } from '@nats-io/transport-node'
import { isObject } from '../base/json.ts'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'
import { openTable } from '../bus/table.ts'
import { isMinionId, isPublicKey, type KeyEntry, type KnownKey } from '../protocol/key.ts'
import { bucketNames } from '../protocol/streams.ts'
import { escapeId } from '../protocol/token.ts'

/** `entry` is undefined once nothing is known of the id any more. Hears this process's own changes too, once each. */
export type KeyListener = (id: string, entry: KeyEntry | undefined, before: KeyEntry | undefined) => void

export interface KeyStore extends Running {
  get(id: string): KeyEntry | undefined
  entries(): Iterable<KeyEntry>
  /** Ids by the state of their own key; pending ones in the order in which they came. */
  readonly ids: Readonly<Record<'accepted' | 'pending' | 'rejected', ReadonlySet<string>>>
  /**
   * Stores what `next` makes of the entry: the same object leaves it as it is, undefined forgets the id. It may be called
   * again where another master was faster. In memory once resolved. Throws what `next` throws, and `store_refused`.
   */
  change(
    id: string,
    next: (entry: KeyEntry | undefined) => KeyEntry | undefined,
  ): Promise<{ before?: KeyEntry; after?: KeyEntry }>
  /** Tells of each change until the returned function is called. */
  follow(listener: KeyListener): () => void
}

export async function openKeyStore(
  nc: NatsConnection,
  options: { namespace: string; replicas: number; log: Log },
): Promise<KeyStore> {
  const { namespace, replicas, log } = options
  const table = await openTable<KeyEntry>(nc, bucketNames(namespace).keys, { replicas, read: readEntry, log })
  const ids = { accepted: new Set<string>(), pending: new Set<string>(), rejected: new Set<string>() }
  const since = (entry: KeyEntry) => entry.own?.since ?? 0
  for (const { id, own } of [...table.values.values()].sort((a, b) => since(a) - since(b)))
    if (own) ids[own.state].add(id)
  table.follow((_key, entry, before) => {
    const [was, is] = [before?.own?.state, entry?.own?.state]
    if (was === is) return
    if (was && before) ids[was].delete(before.id)
    if (is && entry) ids[is].add(entry.id)
  })
  return {
    ids,
    get: id => table.values.get(escapeId(id)),
    entries: () => table.values.values(),
    change: (id, next) => table.change(escapeId(id), next),
    follow: listener => table.follow((_key, entry, before) => listener((entry ?? before)!.id, entry, before)),
    stop: () => table.stop(),
  }
}

function readEntry(value: unknown): KeyEntry {
  if (!isObject(value) || typeof value.id !== 'string' || !isMinionId(value.id)) throw new Error('expected an id')
  const { id, own, denied, deleted } = value
  if (own !== undefined) {
    if (!isKnownKey(own)) throw new Error('expected own: {nkey, since, state}')
    const state = (own as { state?: unknown }).state
    if (state !== 'accepted' && state !== 'pending' && state !== 'rejected')
      throw new Error(`'${String(state)}' is no state of a key`)
  }
  if (denied !== undefined && !isKnownKey(denied)) throw new Error('expected denied: {nkey, since}')
  if (deleted !== undefined && !isKnownKey(deleted)) throw new Error('expected deleted: {nkey, since}')
  return {
    id,
    ...(own === undefined ? {} : { own: own as NonNullable<KeyEntry['own']> }),
    ...(denied === undefined ? {} : { denied }),
    ...(deleted === undefined ? {} : { deleted }),
  }
}

const isKnownKey = (value: unknown): value is KnownKey =>
  isObject(value) && typeof value.nkey === 'string' && isPublicKey(value.nkey) && typeof value.since === 'number'
