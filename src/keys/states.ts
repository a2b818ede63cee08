// What becomes of a key: the transitions between its states. Pure; the same object is returned where nothing changes.
import type { KeyEntry, KeyState, KnownKey } from '../protocol/key.ts'

type Own = NonNullable<KeyEntry['own']>
type States = ReadonlySet<KeyState>

const DENIED_EVERY_MS = 60_000

/**
 * Accepts the id's key where it is in one of the states `from`. A denied key, where it is to be accepted, takes the
 * place of the id's own. That a key of the config was deleted is history then.
 */
export function acceptKey(entry: KeyEntry | undefined, from: States, nowMs: number): KeyEntry | undefined {
  if (!entry) return entry
  if (entry.denied && from.has('denied'))
    return { id: entry.id, own: { nkey: entry.denied.nkey, since: nowMs, state: 'accepted' } }
  if (!entry.own || entry.own.state === 'accepted' || !from.has(entry.own.state)) return entry
  const { deleted: _history, ...rest } = entry
  return { ...rest, own: { ...entry.own, since: nowMs, state: 'accepted' } }
}

/**
 * Rejects the id's key where it is in one of the states `from`. A denied key, where it is to be rejected, becomes the
 * rejected key of an id that has no other, and else is forgotten.
 */
export function rejectKey(entry: KeyEntry | undefined, from: States, nowMs: number): KeyEntry | undefined {
  if (!entry) return entry
  const denied = from.has('denied') ? entry.denied : undefined
  const own: Own | undefined =
    entry.own && entry.own.state !== 'rejected' && from.has(entry.own.state)
      ? { ...entry.own, since: nowMs, state: 'rejected' }
      : entry.own
  if (!denied) return own === entry.own ? entry : { ...entry, ...(own ? { own } : {}) }
  return { id: entry.id, own: own ?? { nkey: denied.nkey, since: nowMs, state: 'rejected' }, ...deletedOf(entry) }
}

/**
 * Forgets the keys of the id that are in the states `from`; undefined where nothing is left. `configured`: the config would
 * bring that key back, so it is remembered as deleted once the id has no own key any more.
 */
export function deleteKey(entry: KeyEntry | undefined, from: States, configured?: KnownKey): KeyEntry | undefined {
  if (!entry) return entry
  const own = entry.own && !from.has(entry.own.state) ? entry.own : undefined
  const denied = entry.denied && !from.has('denied') ? entry.denied : undefined
  if (own === entry.own && denied === entry.denied) return entry
  const deleted = !own && configured ? { deleted: configured } : deletedOf(entry)
  if (!own && !denied && !deleted.deleted) return undefined
  return { id: entry.id, ...(own ? { own } : {}), ...(denied ? { denied } : {}), ...deleted }
}

const deletedOf = ({ deleted }: KeyEntry): Pick<KeyEntry, 'deleted'> => (deleted ? { deleted } : {})

/**
 * A key has come for the id and is given `state`, where nothing was decided on it yet. Another key than the id's own is
 * denied; one is remembered, and gives way to a later one after a minute. With `over`, somebody vouches for the key: one that
 * only waits gives way to it.
 */
export function arrive(
  entry: KeyEntry | undefined,
  came: { id: string; nkey: string; state: Own['state']; over?: boolean },
  nowMs: number,
): KeyEntry {
  const { id, nkey, state } = came
  const fresh: Own = { nkey, since: nowMs, state }
  const { own, denied } = entry ?? {}
  if (entry && own && own.nkey !== nkey) {
    if (own.state === 'pending' && came.over)
      return { id, own: fresh, denied: { nkey: own.nkey, since: nowMs }, ...deletedOf(entry) }
    // Whoever knows an id can come with a new key each time: that is no reason to write each time.
    if (denied && (denied.nkey === nkey || Math.abs(nowMs - denied.since) < DENIED_EVERY_MS)) return entry
    return { ...entry, denied: { nkey, since: nowMs } }
  }
  if (entry && own && (own.state !== 'pending' || state === 'pending')) return entry
  return { id, own: fresh, ...(denied && denied.nkey !== nkey ? { denied } : {}), ...(entry ? deletedOf(entry) : {}) }
}

/** The key is the id's own and accepted, whatever was before: a key that was denied or stood in its place is forgotten. */
export function seedKey(entry: KeyEntry | undefined, id: string, nkey: string, nowMs: number): KeyEntry {
  const { own, denied } = entry ?? {}
  const kept = denied && denied.nkey !== nkey ? { denied } : {}
  if (own?.nkey === nkey && own.state === 'accepted' && denied?.nkey !== nkey) return entry!
  return { id, own: { nkey, since: nowMs, state: 'accepted' }, ...kept }
}
