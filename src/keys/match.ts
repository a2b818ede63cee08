// Which keys somebody means: by globs over ids, or by Salt's lists of ids, with the very keys or without.
import { ReactorError } from '../base/errors.ts'
import { isObject } from '../base/json.ts'
import type { KeyLists, KeyMatch } from '../functions/wheel-context.ts'
import { createFnmatch } from '../protocol/fnmatch.ts'
import {
  isPublicKey,
  KEY_STATES,
  type KeyEntry,
  type KeyState,
  minionIdProblem,
  SALT_KEY_LISTS,
} from '../protocol/key.ts'
import type { KeyStore } from './store.ts'

/** In which states the keys of an id are meant; with a key, only that one. */
export type Meant = ReadonlyMap<KeyState, string | undefined>

export const statesOf = (entry: KeyEntry): KeyState[] => [
  ...(entry.own ? [entry.own.state] : []),
  ...(entry.denied ? (['denied'] as const) : []),
]

export const nkeyIn = (entry: KeyEntry | undefined, state: KeyState): string | undefined => {
  if (state === 'denied') return entry?.denied?.nkey
  return entry?.own?.state === state ? entry.own.nkey : undefined
}

/** Salt's: a glob, or several with commas. */
export function idMatcher(match: string): (id: string) => boolean {
  const globs = match.split(',').map(glob => createFnmatch(glob.trim()))
  return id => globs.some(matches => matches(id))
}

/** The ids that are meant, each with those of `states` in which it is meant. Throws `bad_argument`. */
export function idsMeant(store: KeyStore, match: KeyMatch, states: readonly KeyState[]): Map<string, Meant> {
  const found = new Map<string, Map<KeyState, string | undefined>>()
  const add = (id: string, state: KeyState, nkey?: string) => {
    if (states.includes(state)) found.set(id, (found.get(id) ?? new Map()).set(state, nkey))
  }
  if (typeof match === 'string') {
    const fits = idMatcher(match)
    for (const entry of store.entries()) if (fits(entry.id)) for (const state of statesOf(entry)) add(entry.id, state)
    return found
  }
  for (const [state, ids] of readLists(match)) for (const [id, nkey] of ids) add(id, state, nkey)
  return found
}

/** Of keys by list and id those that are this one. */
export function thisKey(
  keys: Readonly<Record<string, Readonly<Record<string, string>>>>,
  nkey: string,
): Record<string, Record<string, string>> {
  const lists = Object.entries(keys).map(([list, ids]) => {
    const same = Object.entries(ids).filter(([, known]) => known === nkey)
    return [list, Object.fromEntries(same)] as const
  })
  return Object.fromEntries(lists.filter(([, ids]) => Object.keys(ids).length > 0))
}

/**
 * The states in which the entry has what is meant of it. Of an id whose keys were named one by one nothing is meant any more
 * once one of them is another, or in another state: who named them has not seen that.
 */
export function meantOf(entry: KeyEntry | undefined, meant: Meant): ReadonlySet<KeyState> {
  const differs = [...meant].some(([state, nkey]) => nkey !== undefined && nkeyIn(entry, state) !== nkey)
  return new Set(differs || !entry ? [] : statesOf(entry).filter(state => meant.has(state)))
}

type ReadList = [state: KeyState, ids: [id: string, nkey?: string][]]

function readLists(match: Exclude<KeyMatch, string>): ReadList[] {
  const names = Object.values(SALT_KEY_LISTS)
  const problem = (what: string) =>
    new ReactorError(
      'bad_argument',
      `${what}: expected lists of ids by ${names.join(', ')}, as key.list_all has them, or maps of id and key, as key.key_str has them`,
    )
  if (!isObject(match)) throw problem('the match is no map')
  return Object.entries(match).map(([list, given]: [string, unknown]) => {
    const state = KEY_STATES.find(one => SALT_KEY_LISTS[one] === list)
    if (!state) throw problem(`'${list}' is no list of keys`)
    const byKey = isObject(given)
    const ids: unknown[][] = byKey ? Object.entries(given) : Array.isArray(given) ? given.map(id => [id]) : [[]]
    if (!ids.every(([id]) => typeof id === 'string')) throw problem(`'${list}' is no list of ids`)
    const read = ids as [string, string?][]
    for (const [id, nkey] of read) {
      if (minionIdProblem(id) !== undefined) throw problem(`${JSON.stringify(id)} is no id`)
      if (byKey && !(typeof nkey === 'string' && isPublicKey(nkey)))
        throw problem(`${JSON.stringify(nkey)} is no public nkey ('U' and 55 more characters)`)
    }
    return [state, read]
  })
}

/** By Salt's names, in its order; empty lists only where `empty` says so. */
export function named(ids: Readonly<Record<KeyState, readonly string[]>>, empty: boolean): KeyLists {
  const lists = KEY_STATES.map(state => [SALT_KEY_LISTS[state], sorted(ids[state])] as const)
  return Object.fromEntries(lists.filter(([, list]) => empty || list.length > 0))
}

export function sorted(ids: readonly string[]): string[] {
  const lower = (id: string) => id.toLowerCase()
  return [...ids].sort((a, b) => (lower(a) < lower(b) ? -1 : lower(a) > lower(b) ? 1 : a < b ? -1 : 1))
}
