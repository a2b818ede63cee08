// Jids in reports: which texts are jids at all, and the time that one tells, as Salt writes it.
import { ReactorError } from '../base/errors.ts'
import { isJid, jidTime } from '../protocol/jid.ts'

export const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const

/** 20 digits that begin with a time there is: no 13th month, no 61st minute. */
export function isCalendarJid(text: string): boolean {
  if (!isJid(text)) return false
  // Out of range parts would carry over, and the time would read otherwise than the jid.
  return new Date(Math.floor(jidTime(text))).toISOString().replace(/\D/g, '').startsWith(text.slice(0, 14))
}

/** The jid itself. Throws `bad_argument`. */
export function readJid(text: string): string {
  if (isCalendarJid(text)) return text
  throw new ReactorError(
    'bad_argument',
    `'${text}' is not a jid: a jid is 20 digits that begin with a time, such as 20261120091843644180`,
  )
}

/** `2026, Nov 20 09:18:43.644180` of 20261120091843644180, in UTC. */
export function startTime(jid: string): string {
  const part = (from: number, to: number) => jid.slice(from, to)
  const month = MONTHS[Number(part(4, 6)) - 1]
  return `${part(0, 4)}, ${month} ${part(6, 8)} ${part(8, 10)}:${part(10, 12)}:${part(12, 14)}.${part(14, 20)}`
}
