// What a wheel function may use in the master, beside what every call has.
import type { CallContext } from './context.ts'

/** Ids of minions by the state of their key, as Salt names the lists: `minions`, `minions_pre`, … */
export type KeyLists = Record<string, string[]>

/**
 * A glob over ids, or several with commas; or ids by Salt's names of the lists. With its key beside it (`{list: {id: nkey}}`) an
 * id counts only while its key there is that one.
 */
export type KeyMatch = string | Readonly<Record<string, readonly string[] | Readonly<Record<string, string>>>>

/** The keys of minions. Answers hold what was changed. */
export interface Keys {
  lists(match?: string): KeyLists
  /** The public nkeys, by list and id. */
  keys(match: KeyMatch): Record<string, Record<string, string>>
  accept(match: KeyMatch, options: { rejected: boolean; denied: boolean }): Promise<KeyLists>
  reject(match: KeyMatch, options: { accepted: boolean; denied: boolean }): Promise<KeyLists>
  delete(match: KeyMatch): Promise<KeyLists>
  /** Accepts a key for an id before the minion exists. Throws `bad_argument`, and where the id has another key unless `force`. */
  seed(id: string, nkey: string, force: boolean): Promise<void>
  /** The public key that signs logins. */
  master(): string | undefined
}

export interface JoinToken {
  /** What it is called in lists and events; no secret. */
  name: string
  /** Glob that the ids must match which it lets in. */
  ids: string
  /** Milliseconds since the epoch. */
  expires: number
  uses_left: number
  created_by: string
}

/** Tokens that let in the keys of new minions. */
export interface JoinTokens {
  /** The secret is given once, here. Throws `bad_argument`. */
  create(wanted: { ids: string; uses: number; expiresMs: number; by: string }): Promise<JoinToken & { token: string }>
  list(): JoinToken[]
  /** False: no such token. */
  revoke(name: string): Promise<boolean>
}

export interface OperatorView {
  name: string
  roles: string[]
  login: 'nkey' | 'password'
  nkey?: string
  /** Milliseconds since the epoch. */
  since: number
}

/** Operators that log in by the auth callout. */
export interface Operators {
  list(): OperatorView[]
  /** Throws `bad_argument` on a name that is taken or none, an unknown role, a malformed key or hash. */
  add(wanted: { name: string; roles: string[]; nkey?: string; password_hash?: string }): Promise<OperatorView>
  /** What is given is changed, and who is connected has to log in anew. Throws `not_found`, `bad_argument`. */
  change(name: string, wanted: { roles?: string[]; nkey?: string; password_hash?: string }): Promise<OperatorView>
  /** False: no such operator. */
  remove(name: string): Promise<boolean>
}

/** Wheel functions run in the master, on its own state. */
export interface WheelContext extends CallContext {
  readonly keys: Keys
  readonly tokens: JoinTokens
  readonly operators: Operators
  /** Folders by environment that files are served from. */
  readonly fileRoots: Readonly<Record<string, readonly string[]>>
  /** The configuration in force, without secrets. */
  config(): Record<string, unknown>
  /** Sorted ids of the minions whose heartbeat is fresh. */
  connected(): readonly string[]
}
