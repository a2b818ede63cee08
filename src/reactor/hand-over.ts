// Hands reactions over to the job workers: those that are decided in one turn of the event loop go out together, a message of
// REACTIONS for each rule, or for many rules at once where many fire.
import type { Publisher } from '../bus/publish.ts'
import { newEventId } from '../protocol/event.ts'
import { attemptKey, MIXED, type ReactionBatch, type ReactionPolicy, workKey } from '../protocol/reaction.ts'
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
   * Resolves once it is stored; those that are given in one turn share a message. Rejects with
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

/** Batches that go out one by one; more of one turn share messages. */
const FEW = 8

/** What is the same in all batches of a rule under one bundle, made once. */
interface Lane {
  bundle: string
  rule: string
  subject: string
  /** The JSON of a batch up to its reactions. */
  head: string
  class: Class
}

interface Encoded {
  lane: Lane
  key: string
  text: string
}

/** Reactions on their way to the fast lanes, or to the slow ones. */
interface Class {
  batches: Batches<Encoded>
}

export function createHandOver(publisher: Publisher, subjects: Subjects): HandOver {
  const lanes = new WeakMap<HandedRule, Lane>()
  const reactions = new Map<string, number>()
  let inFlight = 0

  const publish = async (subject: string, body: string, items: readonly Encoded[]) => {
    // Which reactions come together differs from one delivery of their events to the next: only one alone has its own id.
    const id = items.length === 1 ? items[0]!.key : newEventId()
    inFlight += items.length
    try {
      await publisher.publish(subject, body, { id, deadlineMs: STORE_WITHIN_MS })
    } finally {
      inFlight -= items.length
    }
    for (const { lane } of items) reactions.set(lane.rule, (reactions.get(lane.rule) ?? 0) + 1)
  }
  const openClass = (mixed: string): Class => ({
    batches: createBatches<Encoded>(LIMITS, async items => {
      const byLane = groupByLane(items)
      if (byLane.size <= FEW)
        await Promise.all([...byLane].map(([lane, own]) => publish(lane.subject, batchText(lane, own), own)))
      else await publish(mixed, `[${[...byLane].map(([lane, own]) => batchText(lane, own)).join(',')}]`, items)
    }),
  })
  const classes = {
    fast: openClass(subjects.reaction('fast', MIXED)),
    slow: openClass(subjects.reaction('slow', MIXED)),
  }

  const openLane = ({ rule, lane, policy }: HandedRule, bundle: string): Lane => ({
    bundle,
    rule,
    subject: subjects.reaction(lane ?? 'fast', rule),
    head: `${JSON.stringify({ rule, bundle, ...(policy ? { policy } : {}) }).slice(0, -1)},"reactions":[`,
    class: classes[lane ?? 'fast'],
  })

  const put = (rule: HandedRule, bundle: string, reaction: HandedReaction, settled: Settled) => {
    let lane = lanes.get(rule)
    if (lane?.bundle !== bundle) {
      lane = openLane(rule, bundle)
      lanes.set(rule, lane)
    }
    const text = JSON.stringify(reaction)
    const key = attemptKey(workKey(reaction.event.id, rule.rule), reaction.attempt)
    lane.class.batches.put({ lane, key, text }, text.length, settled)
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

const batchText = ({ head }: Lane, items: readonly Encoded[]): string =>
  `${head}${items.length === 1 ? items[0]!.text : items.map(({ text }) => text).join(',')}]}`

function groupByLane(items: readonly Encoded[]): Map<Lane, Encoded[]> {
  const groups = new Map<Lane, Encoded[]>()
  for (const item of items) {
    const group = groups.get(item.lane)
    if (group) group.push(item)
    else groups.set(item.lane, [item])
  }
  return groups
}
