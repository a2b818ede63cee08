// Job ids in Salt's form: 20 digits, `YYYYMMDDhhmmss` and six more, in UTC, so that they sort by time.
import { randomInt } from 'node:crypto'
import { ReactorError } from '../base/errors.ts'

const JID = /^\d{20}$/

export const isJid = (text: unknown): text is string => typeof text === 'string' && JID.test(text)

/** 20 digits that begin with a time there is: no 13th month, no 61st minute. */
export function isCalendarJid(text: string): boolean {
  if (!isJid(text)) return false
  // Out of range parts would carry over, and the time would read otherwise than the jid.
  return new Date(Math.floor(jidTime(text))).toISOString().replace(/\D/g, '').startsWith(text.slice(0, 14))
}

/** The jid itself. Throws `code`. */
export function readJid(text: string, code: 'bad_argument' | 'usage' = 'bad_argument'): string {
  if (isCalendarJid(text)) return text
  throw new ReactorError(
    code,
    `'${text}' is no jid: a jid is 20 digits that begin with a time, such as 20261120091820837210`,
  )
}

/**
 * Jids are taken in two places, by a record in JOBS or by an announcement in EVENTS, which do not know of each other: so the
 * last digit says by which, and none is taken in both.
 */
export type JidTaker = 'record' | 'announcement'
const DIGIT = { announcement: 0, record: 1 } as const satisfies Record<JidTaker, number>

/** Makes jids that grow and never repeat within the process; across processes the JOBS stream refuses a second use. */
export function createJidSource(nowMs: () => number = Date.now): () => string {
  // Two processes of the same millisecond begin at different microseconds of it.
  const offset = randomInt(500) * 2 + DIGIT.record
  let last = 0
  return () => {
    last = Math.max(nowMs() * 1000 + offset, last + 2)
    return jidOfMicroseconds(last)
  }
}

/**
 * The jid of one piece of named work (`<work key>/<action>/<attempt>`): the second in which its cause happened, then six
 * digits drawn from the name, the last of them even or odd by the taker, so that a worker that takes the work over finds the
 * same jid. `probe` counts the candidates that were found taken by other work.
 */
export function jidOfWork(causeMs: number, name: string, taker: JidTaker, probe = 0): string {
  const micro = ((fnv1a(name) + probe * 7919) % 500_000) * 2 + DIGIT[taker]
  return jidOfMicroseconds(Math.floor(causeMs / 1000) * 1_000_000 + micro)
}

/** Milliseconds since the epoch at which a jid says it was made. */
export function jidTime(jid: string): number {
  const part = (from: number, to: number) => Number(jid.slice(from, to))
  return Date.UTC(part(0, 4), part(4, 6) - 1, part(6, 8), part(8, 10), part(10, 12), part(12, 14)) + part(14, 20) / 1000
}

/** Thousands of jids share the text of their second. */
let lastSecond = Number.NaN
let lastText = ''

function jidOfMicroseconds(micro: number): string {
  const second = Math.floor(micro / 1_000_000)
  if (second !== lastSecond) {
    lastText = new Date(second * 1000).toISOString().replace(/[-T:]/g, '').slice(0, 14)
    lastSecond = second
  }
  return lastText + String(micro % 1_000_000).padStart(6, '0')
}

function fnv1a(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 0
}
