// An event: `{tag, data, _stamp}` as JSON, as Salt shapes it, with its id, cause and hops in headers. The tag and the
// origin come from the subject, never from the body.
import { randomBytes } from 'node:crypto'
import { errorMessage, ReactorError } from '../base/errors.ts'
import { isObject, parseForeignJson } from '../base/json.ts'
import { isBelieved } from './belief.ts'
import { formatOrigin, type Origin, parseOrigin } from './origin.ts'
import { splitEventSubject } from './subject.ts'
import { tokensToTag } from './tag.ts'
import { boundedChain } from './trace.ts'

export const HEADER = {
  id: 'Nats-Msg-Id',
  cause: 'Reactor-Cause',
  hops: 'Reactor-Hops',
  chain: 'Reactor-Chain',
  // Said by services of CORE to each other; ignored on requests that the server attests to come from elsewhere.
  user: 'Reactor-User',
  work: 'Reactor-Work',
  time: 'Reactor-Time',
  untrusted: 'Reactor-Untrusted',
  // Of an answer: its body is the return of a function that has failed.
  failed: 'Reactor-Failed',
} as const
/** Chains of events and jobs longer than this are cut. */
export const MAX_HOPS = 64

export interface Event {
  /** Random and unguessable; made once by the sender and kept over its retries. */
  id: string
  tag: string
  data: Record<string, unknown>
  /** UTC without a zone and with microseconds, as Salt writes it: `2026-11-20T09:18:20.838387`. */
  stamp: string
  origin: Origin
  /** False when a minion or an operator speaks of what is not its own: see `isBelieved`. */
  believed: boolean
  /** Id of the event, or jid of the job, that caused this one. */
  cause?: string
  /** How many causes lie before it. */
  hops: number
  /** Rules among its causes, joined by commas: see `Trace`. */
  chain?: string
}

const ID_BYTES = 16
/** Random bytes for the next ids: to ask the system for each id's own costs ten times as much. */
let drawn: Buffer = Buffer.alloc(0)
let used = 0

/** A random event id, 22 characters. None starts with `-`: people type ids into commands, where that would be an option. */
export function newEventId(): string {
  if (used === drawn.length) {
    drawn = randomBytes(256 * ID_BYTES)
    used = 0
  }
  drawn[used] = (drawn[used] as number) & 0x7f
  used += ID_BYTES
  return drawn.toString('base64url', used - ID_BYTES, used)
}

/** Seconds as text: thousands of stamps share one. */
let stampedSecond = Number.NaN
let stampedText = ''

/** Salt's `_stamp` of a time in milliseconds. */
export function formatStamp(ms: number): string {
  const micro = Math.round(ms * 1000)
  const second = Math.floor(micro / 1_000_000)
  if (second !== stampedSecond) {
    stampedText = new Date(second * 1000).toISOString().slice(0, 20)
    stampedSecond = second
  }
  return stampedText + String(micro - second * 1_000_000).padStart(6, '0')
}

const STAMP = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,9})?(Z|[+-]\d\d:?\d\d)?$/

/** Milliseconds since the epoch, with their fraction, of a `_stamp` with or without a zone; NaN if it is none. */
export function parseStamp(stamp: string): number {
  const [, seconds, fraction = '', zone = 'Z'] = STAMP.exec(stamp) ?? []
  // Date.parse alone would take `1` for a year, and drop the microseconds.
  return seconds === undefined
    ? Number.NaN
    : Date.parse(seconds + zone) + Math.round(Number(`0${fraction}`) * 1e6) / 1000
}

const FRACTION = /^(?:\.\d{1,9})?$/
let lastSecond = ''

/** Whether it is a stamp. Events of one second share its text, so that only the fraction is left to look at. */
function isStamp(stamp: string): boolean {
  const second = stamp.slice(0, 19)
  if (second === lastSecond && FRACTION.test(stamp.slice(19))) return true
  if (Number.isNaN(parseStamp(stamp))) return false
  lastSecond = second
  return true
}

/** The body of an event. Throws `bad_event` when `data` is no map or no JSON. */
export function encodeEvent(tag: string, data: Record<string, unknown>, stamp: string): string {
  if (!isObject(data))
    throw new ReactorError('bad_event', `data of event '${tag}' must be a map, got ${JSON.stringify(data)}`)
  try {
    return JSON.stringify({ tag, data, _stamp: stamp })
  } catch (error) {
    throw new ReactorError('bad_event', `data of event '${tag}' is no JSON: ${errorMessage(error)}`)
  }
}

/** What a message carries, whatever library delivered it. Header access may throw: the sender chose the bytes. */
export interface RawEvent {
  subject: string
  text(): string
  header(name: string): string | undefined
  /** When the server stored it, milliseconds; used where the body has no stamp. */
  storedMs: number
  /** Its sequence in the stream. With the time it names an event whose sender gave it no id. */
  seq: number
}

/** What an event says: its subject and its body. */
export type EventContent = Pick<Event, 'tag' | 'data' | 'stamp' | 'origin' | 'believed'>
/** What its headers say. */
export type EventEnvelope = Pick<Event, 'id' | 'cause' | 'hops' | 'chain'>

export type ReadContent = { ok: true; content: EventContent } | { ok: false; problem: string }
export type ReadEvent = { ok: true; event: Event } | { ok: false; problem: string }

/** Reads an event below `prefix` (`<ns>.event.` or `<ns>.live.`). What is malformed comes back as a problem, never as a throw. */
export function readEvent(prefix: string, raw: RawEvent): ReadEvent {
  const read = readContent(prefix, raw)
  return read.ok ? { ok: true, event: Object.assign(read.content, readEnvelope(raw)) } : read
}

/** The part of `readEvent` that conditions need: to decode the headers costs as much again. */
export function readContent(prefix: string, raw: RawEvent): ReadContent {
  const { subject } = raw
  const split = splitEventSubject(prefix, subject)
  if (!split) return { ok: false, problem: `subject '${subject}' is no event` }
  try {
    const origin = parseOrigin(split.origin)
    const tag = tokensToTag(split.tag)
    const body = parseForeignJson(raw.text() || '{}')
    if (!isObject(body)) return { ok: false, problem: `event '${tag}' of ${formatOrigin(origin)} is no JSON object` }
    const data = body.data ?? {}
    if (!isObject(data)) return { ok: false, problem: `data of event '${tag}' of ${formatOrigin(origin)} is no map` }
    if (origin.kind === 'minion') data.id = origin.id
    const stamp = typeof body._stamp === 'string' && isStamp(body._stamp) ? body._stamp : formatStamp(raw.storedMs)
    return { ok: true, content: { tag, data, stamp, origin, believed: isBelieved(origin, tag) } }
  } catch (error) {
    return { ok: false, problem: `subject '${subject.slice(0, 120)}': ${errorMessage(error)}` }
  }
}

/** Its id, cause and hops; never throws, whatever the headers hold. */
export function readEnvelope(raw: RawEvent): EventEnvelope {
  const id = senderId(raw) ?? `seq-${raw.seq}-${Math.floor(raw.storedMs)}`
  const hops = parseHops(safeHeader(raw, HEADER.hops))
  const cause = safeHeader(raw, HEADER.cause)
  const chain = hops > 0 ? boundedChain(safeHeader(raw, HEADER.chain)) : undefined
  return { id, hops, ...(cause ? { cause } : {}), ...(chain ? { chain } : {}) }
}

/**
 * The id that the sender gave, if it can stand in a subject and cannot be taken for one that we give. A longer one would
 * make the subject under which its reactions are parked too long.
 */
function senderId(raw: RawEvent): string | undefined {
  const id = safeHeader(raw, HEADER.id)
  return id === undefined || id.length > 128 || id.startsWith('seq-') ? undefined : id
}

/** A header's value; undefined where it is missing or the header block is malformed (reading one then throws). */
function safeHeader(raw: RawEvent, name: string): string | undefined {
  try {
    return raw.header(name) || undefined
  } catch {
    return undefined
  }
}

function parseHops(text: string | undefined): number {
  const hops = Number(text ?? 0)
  return Number.isInteger(hops) && hops >= 0 && hops <= 1_000_000 ? hops : 0
}
