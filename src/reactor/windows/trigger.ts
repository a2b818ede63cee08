// What the folds keep of an event: what it takes to render a reaction on it, when it happened, and its key.
import { createHash } from 'node:crypto'
import { type EventContent, parseStamp, type RawEvent, readEnvelope } from '../../protocol/event.ts'
import { readOrigin } from '../../protocol/origin.ts'
import { factsOf, type GrainsOf, reactionEventOf, sourcesOf } from '../event-facts.ts'
import type { Facts } from '../rules/facts.ts'
import type { Trigger } from './window.ts'

export const factsOfTrigger = ({ event, data, stamp }: Trigger, grainsOf: GrainsOf): Facts =>
  factsOf({ tag: event.tag, data, stamp, origin: readOrigin(event.origin), believed: true }, grainsOf)

export const triggerOf = (content: EventContent, raw: RawEvent): Trigger => ({
  event: reactionEventOf(content, readEnvelope(raw), raw),
  data: content.data,
  stamp: content.stamp,
  sources: sourcesOf(content),
})

export const timeOf = ({ stamp }: EventContent, storedMs: number, late: number): number =>
  Math.min(storedMs, Math.max(storedMs - late, parseStamp(stamp)))

const LONGEST_KEY = 1000

/** Whoever sends an event chooses the text of its key: the rest of a long one is told apart by its hash. */
export const boundedKey = (key: string): string =>
  key.length > LONGEST_KEY
    ? `${key.slice(0, LONGEST_KEY).toWellFormed()} ${createHash('sha256').update(key).digest('hex').slice(0, 16)}`
    : key
