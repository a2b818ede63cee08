// What operators and rules do with the keys of minions: by globs or lists, with an event for each id and an audit record.
import type { Audit, Caller } from '../audit/audit.ts'
import type { Clock } from '../base/clock.ts'
import { errorMessage, ReactorError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Fire } from '../bus/fire.ts'
import type { KeyLists, KeyMatch, Keys } from '../functions/wheel-context.ts'
import { type KEY_ACTS, keyChanged } from '../protocol/catalogue/keys.ts'
import {
  isPublicKey,
  KEY_STATES,
  type KeyEntry,
  type KeyState,
  minionIdProblem,
  SALT_KEY_LISTS,
} from '../protocol/key.ts'
import { idMatcher, idsMeant, type Meant, meantOf, named, nkeyIn, sorted, statesOf } from './match.ts'
import { acceptKey, deleteKey, rejectKey, seedKey } from './states.ts'
import type { KeyStore } from './store.ts'

export interface KeyOperationsParts {
  store: KeyStore
  fire: Fire
  audit: Audit
  /** The `accepted_keys` of the config: a deleted one of them is not seeded again. */
  configured: Readonly<Record<string, string>>
  /** Forgets the grains of a minion whose keys are gone. */
  forgetGrains(id: string): Promise<void>
  /** The public key that signs logins. */
  master: string | undefined
  clock: Clock
  log: Log
}

type From = ReadonlySet<KeyState>

interface Change {
  act: (typeof KEY_ACTS)[number]
  states: readonly KeyState[]
  next(entry: KeyEntry | undefined, from: From): KeyEntry | undefined
  /** The lists of the answer that a changed id is in. */
  listsOf(before: KeyEntry, from: From): KeyState[]
}

/** Ids that are changed at once. */
const AT_ONCE = 100
/** Ids that one audit record names: an event has a largest size. */
const MOST_NAMED = 500

export function recordKeys(audit: Audit, action: string, ids: readonly string[], caller: Caller) {
  const { user, source } = caller
  for (let at = 0; at < ids.length; at += MOST_NAMED)
    audit('key', { user, source, action, result: 'ok', about: ids.slice(at, at + MOST_NAMED) }, caller)
}

/** The keys as one caller changes them. */
export function createKeys(parts: KeyOperationsParts): (caller: Caller) => Keys {
  const { store, fire, audit, configured, clock, log } = parts

  return caller => {
    const { cause, hops = 0, chain } = caller
    const announce = (act: Change['act'], id: string) =>
      fire(...keyChanged.of({}, { id, act, result: true }), { cause, hops: hops + 1, chain }).catch(error =>
        log.error({ act, id, error: errorMessage(error) }, 'a key was changed, and its event could not be stored'),
      )

    /** Changes each id that is in one of its states; answers with those that were changed. */
    const changeAll = async (match: KeyMatch, { act, states, next, listsOf }: Change): Promise<KeyLists> => {
      const wanted = [...idsMeant(store, match, states)]
      const changed: Record<KeyState, string[]> = { accepted: [], pending: [], rejected: [], denied: [] }
      const about: string[] = []
      const one = async ([id, meant]: readonly [string, Meant]) => {
        const { before, after } = await store.change(id, entry => next(entry, meantOf(entry, meant)))
        if (!before || before === after) return
        about.push(id)
        for (const state of listsOf(before, meantOf(before, meant))) changed[state].push(id)
        await announce(act, id)
        if (act === 'delete' && (!after || statesOf(after).length === 0)) await parts.forgetGrains(id)
      }
      let failed: PromiseRejectedResult | undefined
      for (let at = 0; at < wanted.length && !failed; at += AT_ONCE) {
        const ended = await Promise.allSettled(wanted.slice(at, at + AT_ONCE).map(one))
        failed = ended.find(result => result.status === 'rejected')
      }
      // Also of those that were changed beside one that failed.
      recordKeys(audit, `key.${act}`, about, caller)
      if (failed) throw failed.reason
      return named(changed, false)
    }

    return {
      lists(match) {
        const fits = match === undefined ? () => true : idMatcher(match)
        const lists: Record<KeyState, string[]> = { accepted: [], pending: [], rejected: [], denied: [] }
        for (const entry of store.entries())
          if (fits(entry.id)) for (const state of statesOf(entry)) lists[state].push(entry.id)
        return named(lists, match === undefined)
      },
      keys(match) {
        const meant = idsMeant(store, match, KEY_STATES)
        const answer: Record<string, Record<string, string>> = {}
        for (const state of KEY_STATES)
          for (const id of sorted([...meant.keys()])) {
            const entry = store.get(id)
            const nkey = nkeyIn(entry, state)
            if (nkey === undefined || !meantOf(entry, meant.get(id)!).has(state)) continue
            answer[SALT_KEY_LISTS[state]] = { ...answer[SALT_KEY_LISTS[state]], [id]: nkey }
          }
        return answer
      },
      accept: (match, { rejected, denied }) =>
        changeAll(match, {
          act: 'accept',
          states: ['pending', ...(rejected ? (['rejected'] as const) : []), ...(denied ? (['denied'] as const) : [])],
          next: (entry, from) => acceptKey(entry, from, clock.now()),
          listsOf: () => ['accepted'],
        }),
      reject: (match, { accepted, denied }) =>
        changeAll(match, {
          act: 'reject',
          states: ['pending', ...(accepted ? (['accepted'] as const) : []), ...(denied ? (['denied'] as const) : [])],
          next: (entry, from) => rejectKey(entry, from, clock.now()),
          listsOf: () => ['rejected'],
        }),
      delete: match =>
        changeAll(match, {
          act: 'delete',
          states: KEY_STATES,
          next(entry, from) {
            const nkey = entry && Object.hasOwn(configured, entry.id) ? configured[entry.id] : undefined
            return deleteKey(entry, from, nkey === undefined ? undefined : { nkey, since: clock.now() })
          },
          listsOf: (_before, from) => [...from],
        }),
      async seed(id, nkey, force) {
        const problem = minionIdProblem(id)
        if (problem !== undefined) throw new ReactorError('bad_argument', `${JSON.stringify(id)} is no id: ${problem}`)
        if (!isPublicKey(nkey))
          throw new ReactorError(
            'bad_argument',
            `${JSON.stringify(nkey)} is no public nkey: 'U' and 55 more characters`,
          )
        const { before, after } = await store.change(id, entry => {
          if (entry?.own && entry.own.nkey !== nkey && !force) throw hasAnother(id, entry.own.state)
          return seedKey(entry, id, nkey, clock.now())
        })
        if (before === after) return
        recordKeys(audit, 'key.accept', [id], caller)
        // As with Salt, a key that is there before its minion makes no event.
        if (before && statesOf(before).length > 0) await announce('accept', id)
      },
      master: () => parts.master,
    }
  }
}

const hasAnother = (id: string, state: KeyState): ReactorError =>
  new ReactorError(
    'bad_argument',
    `'${id}' has another key, which is ${state}: look at it with key.finger, and delete it first or give force=True`,
  )
