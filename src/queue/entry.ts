// Items as they are given, checked and made ready for a queue.
import { createHash } from 'node:crypto'
import { errorMessage, ReactorError } from '../base/errors.ts'
import { canonicalJson, parseForeignJson } from '../base/json.ts'
import { newEventId } from '../protocol/event.ts'
import { MOST_ITEM_BYTES, MOST_ITEMS, QUEUE_NAME, QUEUE_NAME_RULE } from '../protocol/queue.ts'
import type { Trace } from '../protocol/trace.ts'
import { asciiJson } from '../returner/sql/text.ts'
import type { Entry } from './backend.ts'

/** Throws `bad_argument`. */
export function checkQueue(queue: string): string {
  if (QUEUE_NAME.test(queue)) return queue
  throw refuse(`'${queue.slice(0, 80)}' is no name of a queue: write ${QUEUE_NAME_RULE}`)
}

/** A list is several items, anything else one. Throws `bad_argument` on too many. */
export function listed(items: unknown): unknown[] {
  const list = Array.isArray(items) ? items : [items]
  if (list.length <= MOST_ITEMS) return list
  throw refuse(`${list.length} items are more than one call may name (${MOST_ITEMS}): give them in several calls`)
}

/** Throws `bad_argument` on what is no item: null, what is larger than an item may be, or nested too deep. */
export function entryOf(item: unknown): Entry {
  return { key: keyOf(item), uid: newEventId(), text: textOf(item) }
}

/** With what had it inserted, where rules are among that. */
export const tracedEntry = (entry: Entry, trace: Trace): Entry => (trace.chain ? { ...entry, trace } : entry)

/** Equal items have equal keys, in whatever order a map was written. Throws as `entryOf`. */
export function keyOf(item: unknown): string {
  textOf(item)
  return createHash('sha256').update(canonicalJson(item)).digest('base64url')
}

function textOf(item: unknown): string {
  if (item === null || item === undefined)
    throw refuse('null is no item of a queue: give a text, a number, true or false, a list in a list, or a map')
  let text: string
  try {
    text = asciiJson(item)
    parseForeignJson(text)
  } catch (error) {
    throw refuse(`an item cannot be kept as JSON: ${errorMessage(error)}`)
  }
  if (text.length <= MOST_ITEM_BYTES) return text
  throw refuse(
    `an item has ${text.length} bytes as JSON, at most ${MOST_ITEM_BYTES} are allowed: keep what is large elsewhere, and where it lies in the queue`,
  )
}

const refuse = (message: string) => new ReactorError('bad_argument', `queue: ${message}`)
