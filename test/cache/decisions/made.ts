// Messages of the ledger, and a store to put them into, for tests of what the cache knows of reactions.
import { onTestFinished } from 'vitest'
import { type Log, silentLog } from '../../../src/base/log.ts'
import { type DecisionStore, type LedgerMessage, openDecisionStore } from '../../../src/cache/decisions/store.ts'
import type { Decision, Suppression } from '../../../src/protocol/reaction.ts'
import { testFolder } from '../../helpers/folder.ts'
import { createSeen } from '../../helpers/wait.ts'

/** When the tests' stream was made, and their first decision stored, milliseconds. */
export const T0 = Date.UTC(2026, 10, 21)

export const decided = (event: string, more: Partial<Decision> = {}): Decision => {
  const { rule = 'r' } = more
  return { key: `${event}/${rule}`, rule, event, tag: `tag/${event}`, state: 'done', ms: 10, jids: ['1'], ...more }
}

export const suppressed = (events: string[], more: Partial<Suppression> = {}): Suppression => ({
  ...{ rule: 'r', reason: 'throttle', bundle: 'b' },
  events: events.map(id => ({ id, tag: `tag/${id}` })),
  ...more,
})

/** The message of that sequence, stored so many milliseconds after T0. */
export const message = (seq: number, decisions: Decision[], more: Suppression[] = []): LedgerMessage => ({
  seq,
  storedMs: T0 + seq,
  batch: { worker: 'w', decisions, ...(more.length > 0 ? { suppressed: more } : {}) },
})

/** `add` commits each as a message of its own, under sequences from 1 on. */
export async function openDecisions({
  dir,
  maxRows = 100_000,
  log = silentLog,
}: {
  dir?: string
  maxRows?: number
  log?: Log
} = {}) {
  const folder = dir ?? (await testFolder())
  const store = await openDecisionStore({ dir: folder, maxRows, log })
  onTestFinished(() => store.close())
  let seq = 0
  const add = async (...decisions: Decision[]) => {
    for (const one of decisions) await store.commit(T0, [message(++seq, [one])])
  }
  return { ...store, dir: folder, add }
}

export const pageOf = async (store: Pick<DecisionStore, 'reactions'>, request = {}) =>
  (await store.reactions(request, 1e6)).reactions

/** Counts of the rule `r`. */
export const countsOf = async (store: Pick<DecisionStore, 'rules'>) =>
  (await store.rules()).find(({ rule }) => rule === 'r')

/** A worker's store whose commits a test sees and can make fail, after the fact too. */
export function watched(store: DecisionStore) {
  const commits = createSeen<LedgerMessage>()
  let failure: { before?: Error; after?: Error } = {}
  const watching: DecisionStore = {
    ...store,
    async commit(stream, messages) {
      const { before, after } = failure
      failure = {}
      if (before) throw before
      await store.commit(stream, messages)
      if (after) throw after
      for (const one of messages) commits.push(one)
    },
  }
  return {
    watching,
    commits,
    failWith(how: typeof failure) {
      failure = how
    },
  }
}
