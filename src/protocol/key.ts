// Keys of minions: what is known of each id, in which state its key is, and how a key is shown to people.
import { createHash } from 'node:crypto'
import { fromPublic } from '@nats-io/nkeys'

export const KEY_STATES = ['accepted', 'pending', 'rejected', 'denied'] as const
export type KeyState = (typeof KEY_STATES)[number]

/** One value of the bucket `keys`, under the escaped id. An id has one key, and perhaps another that was denied beside it. */
export interface KeyEntry {
  id: string
  /** The id's own key; absent where only a denied one is known. */
  own?: KnownKey & { state: Exclude<KeyState, 'denied'> }
  /** A second key that came for an id whose key is known: never let in. */
  denied?: KnownKey
  /** The key of `master.accepted_keys` that somebody has deleted: the config does not bring it back. In no list. */
  deleted?: KnownKey
}

export interface KnownKey {
  /** Public nkey of a user: `U…`, 56 characters. */
  nkey: string
  /** Milliseconds since the epoch: when it came into its state. */
  since: number
}

/** Salt's names of the states, as `wheel.key.list_all` answers them. */
export const SALT_KEY_LISTS: Readonly<Record<KeyState, string>> = {
  accepted: 'minions',
  pending: 'minions_pre',
  rejected: 'minions_rejected',
  denied: 'minions_denied',
}

const PUBLIC_USER_KEY = /^U[A-Z2-7]{55}$/

/** Whether it is a user's public nkey; one with a letter mistyped is none, as its checksum tells. */
export function isPublicKey(text: string): boolean {
  if (!PUBLIC_USER_KEY.test(text)) return false
  try {
    fromPublic(text)
    return true
  } catch {
    return false
  }
}

const MINION_ID = /^(?!(?:and|or|not)$)[A-Za-z0-9][A-Za-z0-9._:+-]*$/i
export const MAX_MINION_ID = 253

/**
 * Whether a minion may have that id: letters, digits and `. _ : + -` of ASCII, the first a letter or digit, and not
 * `and`, `or`, `not` or a public key. What is a wildcard, a path, a target's syntax (`G@os:x`), a public key (by which the server names its
 * static users) or looks like another letter is no id, so that an id can stand wherever a name can.
 */
export const isMinionId = (id: string): boolean =>
  id.length <= MAX_MINION_ID && MINION_ID.test(id) && !PUBLIC_USER_KEY.test(id)

/** What to say of an id that is none; undefined of one that is. */
export const minionIdProblem = (id: string): string | undefined =>
  isMinionId(id)
    ? undefined
    : `a minion's id is 1 to ${MAX_MINION_ID} letters, digits and . _ : + - of ASCII, beginning with a letter or digit, and not 'and', 'or', 'not' or a public key`

/** `ab:cd:…`, as Salt shows it: the digest of the public nkey's text. `hash`: sha256 and what else node:crypto knows. */
export const fingerprint = (nkey: string, hash = 'sha256'): string =>
  createHash(hash).update(nkey).digest('hex').match(/../g)!.join(':')
