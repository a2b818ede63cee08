// What becomes of a key: the transitions between its states. Pure; the same object is returned where nothing changes.
import type { KeyEntry, KeyState } from '../protocol/key.ts'

type Own = NonNullable<KeyEntry['own']>
type States = ReadonlySet<KeyState>

/**
 * Accepts the id's key where it is in one of the states `from`. A denied key, where it is to be accepted, takes the
 * place of the id's own.
 */
export function acceptKey(entry: KeyEntry | undefined, from: States, nowMs: number): KeyEntry | undefined {
  if (!entry) return entry
  if (entry.denied && from.has('denied'))
    return { id: entry.id, own: { nkey: entry.denied.nkey, since: nowMs, state: 'accepted' } }
  if (!entry.own || entry.own.state === 'accepted' || !from.has(entry.own.state)) return entry
  return { ...entry, own: { ...entry.own, since: nowMs, state: 'accepted' } }
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
  return { id: entry.id, own: own ?? { nkey: denied.nkey, since: nowMs, state: 'rejected' } }
}

/** Forgets the keys of the id that are in the states `from`; undefined where none is left. */
export function deleteKey(entry: KeyEntry | undefined, from: States): KeyEntry | undefined {
  if (!entry) return entry
  const own = entry.own && !from.has(entry.own.state) ? entry.own : undefined
  const denied = entry.denied && !from.has('denied') ? entry.denied : undefined
  if (own === entry.own && denied === entry.denied) return entry
  if (!own && !denied) return undefined
  return { id: entry.id, ...(own ? { own } : {}), ...(denied ? { denied } : {}) }
}

/**
 * A key has come for the id and is given `state`, where nothing was decided on it yet. Another key than the id's own is
 * denied; the last one is remembered. With `over`, somebody vouches for the key: one that only waits gives way to it.
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
    if (own.state === 'pending' && came.over) return { id, own: fresh, denied: { nkey: own.nkey, since: nowMs } }
    return denied?.nkey === nkey ? entry : { ...entry, denied: { nkey, since: nowMs } }
  }
  if (entry && own && (own.state !== 'pending' || state === 'pending')) return entry
  return { id, own: fresh, ...(denied && denied.nkey !== nkey ? { denied } : {}) }
}

/** The key is the id's own and accepted, whatever was before: a key that was denied or stood in its place is forgotten. */
export function seedKey(entry: KeyEntry | undefined, id: string, nkey: string, nowMs: number): KeyEntry {
  const { own, denied } = entry ?? {}
  const kept = denied && denied.nkey !== nkey ? { denied } : {}
  if (own?.nkey === nkey && own.state === 'accepted' && denied?.nkey !== nkey) return entry!
  return { id, own: { nkey, since: nowMs, state: 'accepted' }, ...kept }
}
