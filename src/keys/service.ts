// What operators and rules do with the keys of minions: by globs or lists, with an event for each id and an audit record.
import type { Audit, AuditRecord } from '../audit/audit.ts'
import type { Clock } from '../base/clock.ts'
import { errorMessage, ReactorError } from '../base/errors.ts'
import { isObject } from '../base/json.ts'
import type { Log } from '../base/log.ts'
import type { Fire } from '../bus/fire.ts'
import type { KeyLists, Keys } from '../functions/context.ts'
import { createFnmatch } from '../protocol/fnmatch.ts'
import {
  isPublicKey,
  KEY_STATES,
  type KeyEntry,
  type KeyState,
  minionIdProblem,
  SALT_KEY_LISTS,
} from '../protocol/key.ts'
import { acceptKey, deleteKey, rejectKey, seedKey } from './states.ts'
import type { KeyStore } from './store.ts'

/** Who acts, and by which job. */
export interface KeyCaller {
  user: string
  /** The account that the request came from. */
  source: string
  cause?: string | undefined
  hops?: number | undefined
}

export interface KeyServiceParts {
  store: KeyStore
  fire: Fire
  audit: Audit
  /** Forgets the grains of a minion whose keys are gone. */
  forgetGrains(id: string): Promise<void>
  /** The public key that signs logins. */
  master: string | undefined
  clock: Clock
  log: Log
}

type From = ReadonlySet<KeyState>
type Act = 'accept' | 'reject' | 'delete'

/** Ids that are changed at once. */
const AT_ONCE = 100
/** Ids that one audit record names: an event has a largest size. */
const MOST_NAMED = 500

/** The keys as one caller changes them. */
export function createKeys(parts: KeyServiceParts): (caller: KeyCaller) => Keys {
  const { store, fire, audit, clock, log } = parts

  return caller => {
    const options = { cause: caller.cause, hops: caller.hops ?? 0 }
    const record = (rest: Pick<AuditRecord, 'action' | 'about'>) =>
      audit('key', { user: caller.user, source: caller.source, result: 'ok', ...rest }, options)
    const announce = (act: Act, id: string) =>
      fire('salt/key', { id, act, result: true }, { ...options, hops: options.hops + 1 }).catch(error =>
        log.error({ act, id, error: errorMessage(error) }, 'a key was changed, and its event could not be stored'),
      )

    /** Changes each id that is in one of its states; the ids that were changed, by the list that `listOf` names. */
    const changeAll = async (
      act: Act,
      match: string | KeyLists,
      states: readonly KeyState[],
      next: (entry: KeyEntry | undefined, from: From) => KeyEntry | undefined,
      listsOf: (from: From, before: KeyEntry) => KeyState[],
    ): Promise<KeyLists> => {
      const wanted = [...candidates(store, match, new Set(states))]
      const changed: Record<KeyState, string[]> = { accepted: [], pending: [], rejected: [], denied: [] }
      const about: string[] = []
      const one = async ([id, from]: readonly [string, From]) => {
        const { before, after } = await store.change(id, entry => next(entry, from))
        if (!before || before === after) return
        about.push(id)
        for (const state of listsOf(from, before)) changed[state].push(id)
        await announce(act, id)
        if (act === 'delete' && !after) await parts.forgetGrains(id)
      }
      try {
        for (let at = 0; at < wanted.length; at += AT_ONCE) await Promise.all(wanted.slice(at, at + AT_ONCE).map(one))
      } finally {
        // Also of those that were changed before one failed.
        for (let at = 0; at < about.length; at += MOST_NAMED)
          record({ action: `key.${act}`, about: about.slice(at, at + MOST_NAMED) })
      }
      return named(state => changed[state], false)
    }

    return {
      lists(match) {
        const fits = match === undefined ? () => true : idMatcher(match)
        const lists: Record<KeyState, string[]> = { accepted: [], pending: [], rejected: [], denied: [] }
        for (const entry of store.entries())
          if (fits(entry.id)) for (const state of statesOf(entry)) lists[state].push(entry.id)
        return named(state => lists[state], match === undefined)
      },
      keys(match) {
        const all = candidates(store, match, new Set(KEY_STATES))
        const answer: Record<string, Record<string, string>> = {}
        for (const state of KEY_STATES) {
          const ids = [...all].filter(([, from]) => from.has(state)).map(([id]) => id)
          if (ids.length > 0)
            answer[SALT_KEY_LISTS[state]] = Object.fromEntries(
              sorted(ids).map(id => [id, nkeyOf(store.get(id), state)]),
            )
        }
        return answer
      },
      accept: (match, { rejected, denied }) =>
        changeAll(
          'accept',
          match,
          ['pending', ...(rejected ? (['rejected'] as const) : []), ...(denied ? (['denied'] as const) : [])],
          (entry, from) => acceptKey(entry, from, clock.now()),
          () => ['accepted'],
        ),
      reject: (match, { accepted, denied }) =>
        changeAll(
          'reject',
          match,
          ['pending', ...(accepted ? (['accepted'] as const) : []), ...(denied ? (['denied'] as const) : [])],
          (entry, from) => rejectKey(entry, from, clock.now()),
          () => ['rejected'],
        ),
      delete: match =>
        changeAll('delete', match, KEY_STATES, deleteKey, (from, before) =>
          statesOf(before).filter(state => from.has(state)),
        ),
      async seed(id, nkey, force) {
        const problem = minionIdProblem(id)
        if (problem !== undefined) throw new ReactorError('bad_argument', `${JSON.stringify(id)} is no id: ${problem}`)
        if (!isPublicKey(nkey))
          throw new ReactorError(
            'bad_argument',
            `${JSON.stringify(nkey)} is no public nkey: 'U' and 55 more characters`,
          )
        const { before, after } = await store.change(id, entry => {
          if (entry?.own && entry.own.nkey !== nkey && !force) throw hasKey(id, entry.own.state)
          return seedKey(entry, id, nkey, clock.now())
        })
        if (before === after) return
        record({ action: 'key.accept', about: [id] })
        // As with Salt, a key that is there before its minion makes no event.
        if (before) await announce('accept', id)
      },
      master: () => parts.master,
    }
  }
}

const hasKey = (id: string, state: KeyState): ReactorError =>
  new ReactorError(
    'bad_argument',
    `'${id}' has another key, which is ${state}: look at it with key.finger, and delete it first or give force=True`,
  )

const statesOf = (entry: KeyEntry): KeyState[] => [
  ...(entry.own ? [entry.own.state] : []),
  ...(entry.denied ? (['denied'] as const) : []),
]

const nkeyOf = (entry: KeyEntry | undefined, state: KeyState): string =>
  (state === 'denied' ? entry?.denied?.nkey : entry?.own?.nkey) ?? ''

/** Salt's: a glob, or several with commas. */
function idMatcher(match: string): (id: string) => boolean {
  const globs = match.split(',').map(glob => createFnmatch(glob.trim()))
  return id => globs.some(matches => matches(id))
}

/** The ids that are meant, each with those of `states` in which it is meant. */
function candidates(store: KeyStore, match: string | KeyLists, states: From): Map<string, Set<KeyState>> {
  const found = new Map<string, Set<KeyState>>()
  const add = (entry: KeyEntry | undefined, wanted: (state: KeyState) => boolean) => {
    const fitting = entry ? statesOf(entry).filter(state => states.has(state) && wanted(state)) : []
    if (entry && fitting.length > 0) found.set(entry.id, new Set([...(found.get(entry.id) ?? []), ...fitting]))
  }
  if (typeof match === 'string') {
    const fits = idMatcher(match)
    for (const entry of store.entries()) if (fits(entry.id)) add(entry, () => true)
    return found
  }
  for (const [list, ids] of Object.entries(readLists(match))) {
    const state = KEY_STATES.find(one => SALT_KEY_LISTS[one] === list)
    for (const id of ids) add(store.get(id), one => one === state)
  }
  return found
}

function readLists(match: KeyLists): KeyLists {
  const names = Object.values(SALT_KEY_LISTS)
  const problem = (what: string) =>
    new ReactorError('bad_argument', `${what}: expected lists of ids by ${names.join(', ')}, as key.list_all has them`)
  if (!isObject(match)) throw problem('the match is no map')
  for (const [list, ids] of Object.entries(match)) {
    if (!names.includes(list)) throw problem(`'${list}' is no list of keys`)
    if (!Array.isArray(ids) || !ids.every(id => typeof id === 'string')) throw problem(`'${list}' is no list of ids`)
    const wrong = ids.find(id => minionIdProblem(id) !== undefined)
    if (wrong !== undefined) throw problem(`${JSON.stringify(wrong)} is no id`)
  }
  return match
}

/** By Salt's names, in its order; empty lists only where `empty` says so. */
function named(idsOf: (state: KeyState) => string[], empty: boolean): KeyLists {
  const lists = KEY_STATES.map(state => [SALT_KEY_LISTS[state], sorted(idsOf(state))] as const)
  return Object.fromEntries(lists.filter(([, ids]) => empty || ids.length > 0))
}

function sorted(ids: readonly string[]): string[] {
  const lower = (id: string) => id.toLowerCase()
  return [...ids].sort((a, b) => (lower(a) < lower(b) ? -1 : lower(a) > lower(b) ? 1 : a < b ? -1 : 1))
}
