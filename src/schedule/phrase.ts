// A time as people write it: `5:00pm` comes every day, `Monday 5:00pm` every week, a date once. Always on the wall clock of a
// zone: a time that a change to summer time leaves out comes when the clock leaps over it, one that comes twice is the first of them.
import { DateTime } from 'luxon'
import { ReactorError } from '../base/errors.ts'
import { instantOf, wallOf } from './zone.ts'

export interface Phrase {
  text: string
  /** Whether it comes once, and not every day or week. */
  dated: boolean
  /** The first time after `ms`; undefined: it is over. */
  next(ms: number): number | undefined
  /** The last time that is not after `ms`; undefined: it is still to come. */
  last(ms: number): number | undefined
}

const WEEKDAYS = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday']
const DATES = ['yyyy-M-d', 'yyyy/M/d', 'M/d/yyyy', 'LLL d yyyy', 'LLLL d yyyy', 'd LLL yyyy', 'd LLLL yyyy']
const TIMES = ['H:mm', 'H:mm:ss', 'h:mma', 'h:mm a', 'h:mm:ssa', 'h:mm:ss a', 'ha', 'h a']
const DATE_FORMS = [...DATES, ...DATES.flatMap(date => TIMES.map(time => `${date} ${time}`))]
/** As of UTC, where every time of every day is there once. */
const AS_WRITTEN = { zone: 'utc', locale: 'en-US' }
/** luxon would take 13pm for one o'clock. */
const NO_HOUR = /(?:^|\s)(?:1[3-9]|2\d|0+)(?::\d+)*\s?[ap]m$/i
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d/
/** Such a time that says where its clock hangs. */
const PLACED = /T.*[Z+[-]/i
const YEAR = /\d{4}/
const DAY_MS = 86_400_000

export const FORMS =
  "'5:00pm', '17:00', 'Monday 5:00pm', '2026-11-22 17:00', 'Nov 22, 2026 5:00pm', '2026-11-22T17:00:00+01:00'"

/** `zone` is an IANA name. Throws `bad_argument` with the forms that are known. */
export function readPhrase(text: string, zone: string): Phrase {
  const unknown = (why: string) =>
    new ReactorError('bad_argument', `'${text}' is no time: ${why}; times are such as ${FORMS}`)
  const wanted = text.trim()
  if (NO_HOUR.test(wanted)) throw unknown('the hours of am and pm go from 1 to 12')
  if (ISO.test(wanted)) {
    const at = DateTime.fromISO(wanted, { zone: 'utc' })
    if (!at.isValid) throw unknown(at.invalidExplanation ?? 'no such date')
    return once(text, PLACED.test(wanted) ? at.toMillis() : instantOf(at.toMillis(), zone))
  }
  const words = wanted
    .replaceAll(',', ' ')
    .replace(/\sat\s/i, ' ')
    .replace(/\s+/g, ' ')
  const { weekday, rest } = weekdayOf(words)
  for (const format of YEAR.test(rest) ? DATE_FORMS : []) {
    const at = DateTime.fromFormat(rest, format, AS_WRITTEN)
    if (!at.isValid) continue
    if (weekday !== undefined && at.weekday !== weekday)
      throw unknown(`${at.toFormat('yyyy-MM-dd')} is a ${WEEKDAYS[at.weekday - 1]}`)
    return once(text, instantOf(at.toMillis(), zone))
  }
  const time = rest === '' ? MIDNIGHT : timeOf(rest)
  if (!time || (rest === '' && weekday === undefined)) throw unknown('it is read as none of the forms')
  return recurring(text, zone, time, weekday)
}

function weekdayOf(words: string): { weekday: number | undefined; rest: string } {
  const [first = '', ...others] = words.split(' ')
  const name = first.toLowerCase().replace(/\.$/, '')
  const index = name.length < 3 ? -1 : WEEKDAYS.findIndex(day => day.startsWith(name))
  return index < 0 ? { weekday: undefined, rest: words } : { weekday: index + 1, rest: others.join(' ') }
}

interface TimeOfDay {
  hour: number
  minute: number
  second: number
}

const MIDNIGHT: TimeOfDay = { hour: 0, minute: 0, second: 0 }

function timeOf(text: string): TimeOfDay | undefined {
  for (const format of TIMES) {
    const time = DateTime.fromFormat(text, format, AS_WRITTEN)
    if (time.isValid) return time
  }
  return undefined
}

const once = (text: string, at: number): Phrase => ({
  text,
  dated: true,
  next: ms => (at > ms ? at : undefined),
  last: ms => (at <= ms ? at : undefined),
})

function recurring(
  text: string,
  zone: string,
  { hour, minute, second }: TimeOfDay,
  weekday: number | undefined,
): Phrase {
  const everyDays = weekday === undefined ? 1 : 7
  const timeOfDay = ((hour * 60 + minute) * 60 + second) * 1000
  /** The day of `ms`, or the next that is the weekday: days since the epoch, whose first was a Thursday. */
  const firstDay = (ms: number) => {
    const day = Math.floor(wallOf(ms, zone) / DAY_MS)
    return weekday === undefined ? day : day + ((((weekday - 4 - day) % 7) + 7) % 7)
  }
  const onDay = (day: number) => instantOf(day * DAY_MS + timeOfDay, zone)
  return {
    text,
    dated: false,
    next(ms) {
      const day = firstDay(ms)
      const at = onDay(day)
      return at > ms ? at : onDay(day + everyDays)
    },
    last(ms) {
      const day = firstDay(ms)
      const at = onDay(day)
      return at <= ms ? at : onDay(day - everyDays)
    },
  }
}
