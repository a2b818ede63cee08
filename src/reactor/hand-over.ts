// Hands reactions over to the job workers: those of one rule that are decided in one turn of the event loop go out as one
// message of REACTIONS.
import type { Publisher } from '../bus/publish.ts'
import { newEventId } from '../protocol/event.ts'
import { attemptKey, type ReactionBatch, type ReactionPolicy, workKey } from '../protocol/reaction.ts'
import { ACK_WAIT_MS } from '../protocol/streams.ts'
import type { Subjects } from '../protocol/subject.ts'
import { type Batches, createBatches, type Settled } from './batches.ts'

export interface HandedRule {
  rule: string
  /** Default: the fast class. */
  lane?: 'slow'
  policy?: ReactionPolicy
}

export type HandedReaction = ReactionBatch['reactions'][number]

export interface HandOver {
  /**
   * Resolves once it is stored; those that are given with the same `rule` object in one turn share a message. Rejects with
   * `bad_event` where no message can hold it, else with `store_refused` or `unreachable`: it may be stored all the same.
   */
  store(rule: HandedRule, bundle: string, reaction: HandedReaction): Promise<void>
  /** The same for the hot path: `settled` is told once it is stored (`undefined`), or why not. */
  put(rule: HandedRule, bundle: string, reaction: HandedReaction, settled: Settled): void
  /** Reactions stored since the start, by rule, and those whose ack is awaited. */
  stats(): { reactions: ReadonlyMap<string, number>; inFlight: number }
}

/** Before its event comes again by itself; else each delivery would add another publish that waits. */
export const STORE_WITHIN_MS = ACK_WAIT_MS - 1000

const LIMITS = { items: 200, bytes: 256 * 1024 }

/** What is the same in all messages of a rule under one bundle, made once. */
interface Lane {
  bundle: string
  batches: Batches<Encoded>
}

interface Encoded {
  key: string
  text: string
}

export function createHandOver(publisher: Publisher, subjects: Subjects): HandOver {
  const lanes = new WeakMap<HandedRule, Lane>()
  const reactions = new Map<string, number>()
  let inFlight = 0

  const openLane = ({ rule, lane, policy }: HandedRule, bundle: string): Lane => {
    const subject = subjects.reaction(lane ?? 'fast', rule)
    const head = `${JSON.stringify({ rule, bundle, ...(policy ? { policy } : {}) }).slice(0, -1)},"reactions":[`
    const batches = createBatches<Encoded>(LIMITS, async items => {
      inFlight += items.length
      const body = `${head}${items.length === 1 ? items[0]!.text : items.map(({ text }) => text).join(',')}]}`
      // Which reactions come together differs from one delivery of their events to the next: only one alone has its own id.
      const id = items.length === 1 ? items[0]!.key : newEventId()
      try {
        await publisher.publish(subject, body, { id, deadlineMs: STORE_WITHIN_MS })
      } finally {
        inFlight -= items.length
      }
      reactions.set(rule, (reactions.get(rule) ?? 0) + items.length)
    })
    return { bundle, batches }
  }

  const put = (rule: HandedRule, bundle: string, reaction: HandedReaction, settled: Settled) => {
    let lane = lanes.get(rule)
    if (lane?.bundle !== bundle) {
      lane = openLane(rule, bundle)
      lanes.set(rule, lane)
    }
    const text = JSON.stringify(reaction)
    const key = attemptKey(workKey(reaction.event.id, rule.rule), reaction.attempt)
    lane.batches.put({ key, text }, text.length, settled)
  }

  return {
    put,
    store: (rule, bundle, reaction) =>
      new Promise((resolve, reject) => {
        put(rule, bundle, reaction, error => (error === undefined ? resolve() : reject(error)))
      }),
    stats: () => ({ reactions, inFlight }),
  }
}
