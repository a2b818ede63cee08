// Messages that this worker has no room for: stored again in the slow class, or given back to the server for a while.
import type { JsMsg } from '@nats-io/jetstream'
import { errorMessage } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import type { Publisher } from '../../bus/publish.ts'
import { HEADER } from '../../protocol/event.ts'
import type { Reaction, ReactionBatch } from '../../protocol/reaction.ts'
import type { Subjects } from '../../protocol/subject.ts'

export interface PutBack {
  /** Gives it back for about so many milliseconds; undefined: longer each time. */
  later(message: JsMsg, ms?: number): void
  /** Stores it in the slow class, then acks it. Resolves when that is over; where it is refused the message is given back. */
  toSlow(message: JsMsg, rule: string): Promise<void>
  /** Stores parts of a message of many rules as messages of their own in the slow class; false where they are not stored. */
  apart(message: JsMsg, parts: readonly Reaction[]): Promise<boolean>
  /** Whether it was with another, or begun here: it is not one that this worker only gave back. */
  wasOut(message: JsMsg): boolean
}

const SHORTEST_MS = 500
const LONGEST_MS = 30_000
/** Of messages remembered: as many as the consumers hand out at once. */
const MOST = 200_000
const STORE_WITHIN_MS = 5000

export function createPutBack(publisher: Publisher, subjects: Subjects, log: Log): PutBack {
  /** By sequence, the deliveries after which this worker gave it back untouched. */
  const untouched = new Map<number, number>()

  const wasOut = (message: JsMsg): boolean => {
    const { deliveryCount, streamSequence } = message.info
    if (deliveryCount <= 1) return false
    const before = untouched.get(streamSequence)
    return before === undefined || deliveryCount > before + 1
  }
  const later = (message: JsMsg, ms = 1000 * 2 ** Math.min(message.info.deliveryCount - 1, 10)) => {
    const { deliveryCount, streamSequence } = message.info
    const fresh = !wasOut(message)
    untouched.delete(streamSequence)
    if (fresh) untouched.set(streamSequence, deliveryCount)
    // The oldest: what is not known here counts as handed out before, which costs a look.
    if (untouched.size > MOST) untouched.delete(untouched.keys().next().value!)
    message.nak(Math.round(Math.min(Math.max(ms, SHORTEST_MS), LONGEST_MS)))
  }

  return {
    wasOut,
    later,
    async apart(message, parts) {
      try {
        const ofRule = new Map<string, number>()
        const stored = batchesOf(parts).map(batch => {
          // The same when the message comes again and other lanes are full by then.
          const at = ofRule.get(batch.rule) ?? 0
          ofRule.set(batch.rule, at + 1)
          const id = `apart/${message.info.stream}/${message.seq}/${batch.rule}/${at}`
          const options = { id, deadlineMs: STORE_WITHIN_MS }
          return publisher.publish(subjects.reaction('slow', batch.rule), JSON.stringify(batch), options)
        })
        await Promise.all(stored)
        return true
      } catch (error) {
        log.warn({ error: errorMessage(error) }, 'what lanes have no room for cannot be stored apart')
        return false
      }
    },
    async toSlow(message, rule) {
      try {
        const id = `slow/${message.headers?.get(HEADER.id) || `${message.info.stream}/${message.seq}`}`
        await publisher.publish(subjects.reaction('slow', rule), message.data, { id, deadlineMs: STORE_WITHIN_MS })
        message.ack()
      } catch (error) {
        log.warn({ rule, error: errorMessage(error) }, 'what a lane has no room for cannot be stored in the slow class')
        later(message)
      }
    },
  }
}

/** Batches of one rule, one bundle and one policy each. */
function batchesOf(parts: readonly Reaction[]): ReactionBatch[] {
  const batches = new Map<string, ReactionBatch>()
  for (const { rule, bundle, policy, ...rest } of parts) {
    const of = { rule, bundle, ...(policy ? { policy } : {}) }
    const key = JSON.stringify(of)
    const batch = batches.get(key) ?? { ...of, reactions: [] }
    batches.set(key, batch)
    batch.reactions.push(rest)
  }
  return [...batches.values()]
}
