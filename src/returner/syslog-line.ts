// A line of syslog: its head by RFC 5424, its text as JSON that holds no character which ends or hides a line.
import { hostname } from 'node:os'
import { parseStamp } from '../protocol/event.ts'

export const LEVELS = ['emerg', 'alert', 'crit', 'err', 'warning', 'notice', 'info', 'debug'] as const
/** By their numbers; the four that the RFC keeps for others have no name. */
const NUMBERED = [
  ...['kern', 'user', 'mail', 'daemon', 'auth', 'syslog', 'lpr', 'news', 'uucp', 'cron', 'authpriv', 'ftp'],
  ...['', '', '', '', 'local0', 'local1', 'local2', 'local3', 'local4', 'local5', 'local6', 'local7'],
] as const
export const FACILITIES = [
  ...(['kern', 'user', 'mail', 'daemon', 'auth', 'syslog', 'lpr', 'news', 'uucp', 'cron', 'authpriv', 'ftp'] as const),
  ...(['local0', 'local1', 'local2', 'local3', 'local4', 'local5', 'local6', 'local7'] as const),
] as const
export type Level = (typeof LEVELS)[number]
export type Facility = (typeof FACILITIES)[number]

/** Bytes of the largest UDP datagram over IPv4; what is sent otherwise keeps to it, as receivers do. */
export const MAX_LINE = 65_507

// JSON escapes what is below U+0020 itself.
const HIDDEN = /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g
const escaped = (char: string) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`

/** The record in one line of at most `most` bytes; the end of one that is cut says how long it was. */
export function lineText(record: unknown, most = MAX_LINE): string {
  const text = JSON.stringify(record).replace(HIDDEN, escaped)
  const bytes = Buffer.from(text)
  if (bytes.length <= most) return text
  const mark = `[cut: ${bytes.length} bytes in all]`
  // As a stream, so that half a character at the end is left out.
  const kept = new TextDecoder().decode(bytes.subarray(0, most - mark.length), { stream: true })
  return kept + mark
}

export interface LineOptions {
  level: Level
  facility: Facility
  tag: string
}

/** By RFC 5424. `kind` is its MSGID: `return` or `event`. */
export function syslogLine(kind: string, record: { _stamp: string }, { level, facility, tag }: LineOptions): string {
  const priority = NUMBERED.indexOf(facility) * 8 + LEVELS.indexOf(level)
  const head = `<${priority}>1 ${timestamp(record._stamp)} ${HOST} ${tag} ${process.pid} ${kind} - `
  return head + lineText(record, MAX_LINE - head.length)
}

const HOST =
  hostname()
    .replace(/[^\x21-\x7e]/g, '')
    .slice(0, 255) || '-'

/** The stamp is what a minion says; what is none is left out. */
function timestamp(stamp: string): string {
  const ms = parseStamp(stamp)
  return Number.isNaN(ms) ? '-' : new Date(ms).toISOString()
}
