// What comes of the folds, stored. It is tried until it is stored: the fold that gave it has gone on, and the checkpoint waits.
import { setMaxListeners } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { errorMessage } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import { type ReactionEvent, windowId } from '../../protocol/reaction.ts'
import type { Entry } from '../compiled-bundle.ts'
import type { GrainsOf } from '../event-facts.ts'
import type { LookUp } from '../facts/lookup.ts'
import type { Facts } from '../rules/facts.ts'
import type { Settle } from '../settle.ts'
import type { Suppressions } from '../suppressions.ts'
import { factsOfTrigger } from './trigger.ts'
import type { Fire, Output } from './window.ts'

export interface DeliverParts {
  settle: Settle
  suppressions: Suppressions
  grainsOf: GrainsOf
  lookUp: LookUp
  log: Log
}

export interface Deliver {
  give(entry: Entry, bundle: string, output: Output): void
  /** What is not stored yet. */
  pending(): number
  /** Resolves once all that was given so far is stored; rejects where it is given up. */
  stored(): Promise<void>
  /** What is not stored yet is not tried again: whoever leads next comes to the same. */
  giveUp(): void
}

const FIRST_WAIT_MS = 200
const LONGEST_WAIT_MS = 5000

export function createDeliver({ settle, suppressions, grainsOf, lookUp, log }: DeliverParts): Deliver {
  const pending = new Set<Promise<void>>()
  const given = new AbortController()
  // One for each that waits to be tried again.
  setMaxListeners(0, given.signal)
  let failing = false

  // A window that is opened by an id that was there before is other work. Folded anew it has the same times. What nobody has
  // sent has a name of ours.
  const named = (event: ReactionEvent): ReactionEvent =>
    event.seq === 0 ? event : { ...event, id: windowId(event.id, event.storedMs), own: event.id }
  const park = (entry: Entry, bundle: string, event: ReactionEvent, problem: unknown, facts?: Facts) =>
    settled(done => settle.park(entry, bundle, named(event), problem, done, facts))
  const match = async (entry: Entry, bundle: string, { event, trigger, window }: Fire) => {
    const { rule } = entry
    const known: Facts = { ...factsOfTrigger(trigger, grainsOf), window }
    let facts = known
    if (rule.lookups.length > 0 && !entry.off) {
      try {
        facts = { ...known, ...(await lookUp(rule.lookups, known)) }
      } catch (problem) {
        return park(entry, bundle, event, problem, known)
      }
    }
    return settled(done => settle.match(entry, bundle, named(event), facts, trigger.sources, done))
  }
  const store = (entry: Entry, bundle: string, output: Output): Promise<void> => {
    const { rule } = entry.rule
    if (output.do === 'fire') return match(entry, bundle, output)
    if (output.do === 'fail') return park(entry, bundle, output.event, output.problem)
    if (output.do === 'suppress') return suppressions.add(rule, output.reason, bundle, output.event)
    const { event, trigger } = output
    // It comes to the same, and tells people.
    const facts = factsOfTrigger(trigger, grainsOf)
    return settled(done => settle.match(entry, bundle, event, facts, trigger.sources, done))
  }
  const untilStored = async (entry: Entry, bundle: string, output: Output, error: unknown) => {
    if (!failing && !given.signal.aborted)
      log.error(
        { rule: entry.rule.rule, event: output.event.id, error: errorMessage(error) },
        'what comes of stateful rules cannot be stored yet; it is tried until it can',
      )
    failing = true
    for (let wait = FIRST_WAIT_MS; ; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
      await delay(wait, undefined, { ref: false, signal: given.signal })
      const stored = await store(entry, bundle, output).then(
        () => true,
        () => false,
      )
      if (!stored) continue
      failing = false
      return
    }
  }

  return {
    give(entry, bundle, output) {
      const work = store(entry, bundle, output).catch(error => untilStored(entry, bundle, output, error))
      pending.add(work)
      work.then(
        () => pending.delete(work),
        // It stays, so that nothing is saved that rests on it.
        () => undefined,
      )
    },
    pending: () => pending.size,
    async stored() {
      await Promise.all(pending)
    },
    giveUp: () => given.abort(),
  }
}

const settled = (begin: (done: (problem: unknown) => void) => void): Promise<void> =>
  new Promise((resolve, reject) => begin(problem => (problem === undefined ? resolve() : reject(problem))))
