// Dates in a format of Python's strptime, which is what `once_fmt` and `time_fmt` are.
import { DateTime } from 'luxon'
import { ReactorError } from '../base/errors.ts'
import { instantOf } from './zone.ts'

/** Directives of strptime, as luxon has them: to read, and to write. */
const DIRECTIVES: Readonly<Record<string, readonly [read: string, written: string]>> = {
  Y: ['yyyy', 'yyyy'],
  y: ['yy', 'yy'],
  m: ['L', 'LL'],
  d: ['d', 'dd'],
  H: ['H', 'HH'],
  I: ['h', 'hh'],
  M: ['m', 'mm'],
  S: ['s', 'ss'],
  f: ['u', "SSS'000'"],
  p: ['a', 'a'],
  b: ['LLL', 'LLL'],
  B: ['LLLL', 'LLLL'],
  a: ['ccc', 'ccc'],
  A: ['cccc', 'cccc'],
  j: ['o', 'ooo'],
  z: ['ZZZ', 'ZZZ'],
}

/** Salt's own. */
export const TIME_FORMAT = '%Y-%m-%dT%H:%M:%S'

/** Milliseconds since the epoch; without `%z` on the clock of the zone. Throws `bad_argument`. */
export function parseTime(text: string, format: string, zone: string): number {
  const at = DateTime.fromFormat(text, tokensOf(format, 0), { zone: 'utc', locale: 'en-US' })
  const directives = new Set([...format.matchAll(/%(.)/gs)].map(([, directive]) => directive))
  // Read again tomorrow it would be of tomorrow.
  if (!directives.has('Y') && !directives.has('y'))
    throw new ReactorError('bad_argument', `'${format}' says no date: write the year too, as in ${TIME_FORMAT}`)
  if (!at.isValid)
    throw new ReactorError(
      'bad_argument',
      `'${text}' is no time as '${format}' writes it, such as ${writeTime(0, format, zone)}`,
    )
  return directives.has('z') ? at.toMillis() : instantOf(at.toMillis(), zone)
}

/** Throws `bad_argument` of a format. */
export const writeTime = (ms: number, format: string, zone: string): string =>
  DateTime.fromMillis(ms, { zone, locale: 'en-US' }).toFormat(tokensOf(format, 1))

function tokensOf(format: string, use: 0 | 1): string {
  return format.replace(/%(.?)|[A-Za-z]+|'/gs, (found, directive: string | undefined) => {
    if (directive === undefined && found !== "'") return `'${found}'`
    if (directive === '%') return '%'
    const token = DIRECTIVES[directive ?? '']?.[use]
    if (token !== undefined) return token
    const known = Object.keys(DIRECTIVES).map(key => `%${key}`)
    throw new ReactorError(
      'bad_argument',
      `'${format}': '${found}' is not known there; known are ${known.join(' ')} %%`,
    )
  })
}
