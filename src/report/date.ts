// Dates as people and Salt write them, to milliseconds: what the start and the end of a search may be.
import { parseDuration } from '../base/duration.ts'
import { ReactorError } from '../base/errors.ts'
import { isCalendarJid, jidTime } from '../protocol/jid.ts'

const MONTHS = 'january february march april may june july august september october november december'.split(' ')
const WEEKDAY = /^(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*$/
const TIME = /(?:^|[\sT,])(\d{1,2}):(\d\d)(?::(\d\d)(\.\d+)?)?\s*(am|pm)?\s*(z|utc|gmt|[+-]\d\d:?\d\d)?$/i
const COMPACT = /^(\d{4})(\d\d)(\d\d)(?:T?(\d\d)(\d\d)(\d\d))?$/
const AGO = /^(?:\d+(?:\.\d+)?(?:ms|[smhdw]))+$/

/** Of dates that name none. */
type Zone = 'utc' | 'local'

interface Day {
  year: number
  month: number
  day: number
}

/**
 * Milliseconds since the epoch of `2026-11-20T09:18:43Z`, `2026-11-20 09:18`, `2026, Nov 20 09:18:43.644180`,
 * `20 November 2026`, `11/20/2026 9:18 pm`, `20261120`, a jid, `09:18` (today), or `2h` (so long ago). Jids are in UTC.
 * Throws `bad_argument`.
 */
export function readDate(text: string, nowMs: number, zone: Zone): number {
  const given = text.trim()
  if (isCalendarJid(given)) return jidTime(given)
  if (AGO.test(given)) return nowMs - parseDuration(given)
  const compact = COMPACT.exec(given)
    ?.slice(1)
    .map(part => (part === undefined ? 0 : Number(part)))
  if (compact) {
    const [year, month, day, hour, minute, second] = compact as [number, number, number, number, number, number]
    return join(text, zone, { year, month, day }, hour, minute, second)
  }
  const time = TIME.exec(given)
  const words = (time ? given.slice(0, time.index) : given).toLowerCase().split(/[\s,./-]+/)
  const day = readDay(
    words.filter(word => word !== '' && !WEEKDAY.test(word)),
    time ? today(nowMs, zone) : undefined,
  )
  if (!day) throw unreadable(text)
  if (!time) return join(text, zone, day, 0, 0, 0)
  const [, hour, minute, second = '0', fraction = '0', half, named] = time
  return (
    join(text, named ? 'utc' : zone, day, readHour(text, Number(hour), half), Number(minute), Number(second)) +
    Math.round(Number(fraction) * 1e6) / 1000 -
    zoneMs(text, named)
  )
}

function today(nowMs: number, zone: Zone): Day {
  const now = new Date(nowMs)
  return zone === 'utc'
    ? { year: now.getUTCFullYear(), month: now.getUTCMonth() + 1, day: now.getUTCDate() }
    : { year: now.getFullYear(), month: now.getMonth() + 1, day: now.getDate() }
}

/** `today` stands where only a time was given. */
function readDay(words: readonly string[], today: Day | undefined): Day | undefined {
  if (words.length === 0) return today
  if (words.length !== 3) return undefined
  const month = words.findIndex(word => monthOf(word) > 0)
  const numbers = words.filter((_word, index) => index !== month)
  if (!numbers.every(word => /^\d{1,4}(?:st|nd|rd|th)?$/.test(word))) return undefined
  const year = numbers.findIndex(word => /^\d{4}$/.test(word))
  if (year < 0) return undefined
  const others = numbers.filter((_word, index) => index !== year).map(word => Number.parseInt(word, 10))
  if (month >= 0) return { year: Number(numbers[year]), month: monthOf(words[month]!), day: others[0]! }
  const [first, second] = others as [number, number]
  // Year first: year, month, day. Else the month comes first, as in Salt, where it can be one.
  const dayFirst = year === 2 && first > 12
  return { year: Number(numbers[year]), month: dayFirst ? second : first, day: dayFirst ? first : second }
}

function monthOf(word: string): number {
  if (word.length < 3) return 0
  return MONTHS.findIndex(name => name.startsWith(word === 'sept' ? 'sep' : word)) + 1
}

function readHour(text: string, hour: number, half: string | undefined): number {
  if (!half) return hour
  if (hour < 1 || hour > 12) throw unreadable(text)
  return (hour % 12) + (half.toLowerCase() === 'pm' ? 12 : 0)
}

function zoneMs(text: string, zone: string | undefined): number {
  const [, sign, hours, minutes] = /^([+-])(\d\d):?(\d\d)$/.exec(zone ?? '') ?? []
  if (sign === undefined) return 0
  if (Number(hours) > 14 || Number(minutes) > 59) throw unreadable(text)
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000
}

function join(
  text: string,
  zone: Zone,
  { year, month, day }: Day,
  hour: number,
  minute: number,
  second: number,
): number {
  const ms = Date.UTC(year, month - 1, day, hour, minute, second)
  const back = new Date(ms)
  // Date.UTC takes a 31st of February for a day in March.
  const kept = back.getUTCMonth() === month - 1 && back.getUTCDate() === day && hour < 24 && minute < 60 && second < 60
  if (!kept || year < 1970) throw unreadable(text)
  return zone === 'utc' ? ms : new Date(year, month - 1, day, hour, minute, second).getTime()
}

function unreadable(text: string): ReactorError {
  return new ReactorError(
    'bad_argument',
    `'${text}' is not a date: write for example 2026-11-20, '2026-11-20 09:18', '2026, Nov 20 09:18:43', 09:18, 2h or a jid`,
  )
}
