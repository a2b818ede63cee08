// When an entry is due: an interval, phrases, a cron line, or once. Pure: what comes next follows from a time alone.
import { Cron } from 'croner'
import { errorMessage, ReactorError } from '../base/errors.ts'
import { type Phrase, readPhrase } from './phrase.ts'

export interface Times {
  /** Milliseconds; absent where they lie on the wall clock. */
  interval?: number
  /** The first due time after `ms`; an interval counts from `since`. Undefined: none comes any more. */
  next(ms: number, since: number): number | undefined
  /** Those after `from` and up to `to`: how many, at least so many where they are thousands, and the newest, `most` at most, in order. */
  between(from: number, to: number, since: number, most: number): Between
}

export interface Between {
  count: number
  newest: number[]
}

/** Times that are walked one by one to be counted; half a second of work. */
const MOST_WALKED = 5000
const MINUTE_MS = 60_000

export function everyMs(intervalMs: number): Times {
  const ordinal = (ms: number, since: number) => Math.floor((ms - since) / intervalMs)
  return {
    interval: intervalMs,
    // Due, and then due plus the interval: what runs late does not shift what follows.
    next: (ms, since) => since + Math.max(ordinal(ms, since) + 1, 1) * intervalMs,
    between(from, to, since, most) {
      const first = Math.max(ordinal(from, since) + 1, 1)
      const last = ordinal(to, since)
      const count = Math.max(0, last - first + 1)
      const kept = Math.min(count, most)
      return { count, newest: Array.from({ length: kept }, (_, n) => since + (last - kept + 1 + n) * intervalMs) }
    },
  }
}

/** Throws `bad_argument` of a time that cannot be read. */
export function atPhrases(texts: readonly string[], zone: string): Times {
  const phrases = texts.map(text => readPhrase(text, zone))
  const nexts = phrases.map(nextOf)
  return walked(ms => {
    let first = Number.POSITIVE_INFINITY
    for (const next of nexts) first = Math.min(first, next(ms))
    return first === Number.POSITIVE_INFINITY ? undefined : first
  })
}

/** Remembers what it said last: of a list of hundreds one alone comes, and the others are what they were. */
function nextOf(phrase: Phrase): (ms: number) => number {
  let from = Number.POSITIVE_INFINITY
  let at = Number.NEGATIVE_INFINITY
  return ms => {
    if (ms >= from && ms < at) return at
    from = ms
    at = phrase.next(ms) ?? Number.POSITIVE_INFINITY
    return at
  }
}

/** Throws `bad_argument` of a line that cannot be read. */
export function cronTimes(line: string, zone: string): Times {
  try {
    cronOf(line, zone)
  } catch (error) {
    const said = errorMessage(error).replace(/^Cron(Pattern)?: /, '')
    throw new ReactorError('bad_argument', `'${line}' is no cron line (minute hour day month weekday): ${said}`)
  }
  return walked(ms => cronOf(line, zone).nextRun(new Date(ms))?.getTime())
}

/** A read line takes a hundred kilobytes: those used last are kept, and the others read again. */
const MOST_READ = 500
const read = new Map<string, Cron>()

function cronOf(line: string, zone: string): Cron {
  const key = `${zone} ${line}`
  // As cron itself has it: no seconds, and one of the two days is enough.
  const cron = read.get(key) ?? new Cron(line, { timezone: zone, mode: '5-part', paused: true })
  read.delete(key)
  read.set(key, cron)
  const oldest = read.size > MOST_READ ? read.keys().next().value : undefined
  if (oldest !== undefined) read.delete(oldest)
  return cron
}

export const onceAt = (at: number): Times => walked(ms => (at > ms ? at : undefined))

function walked(find: (ms: number) => number | undefined): Times {
  // Between two times, asked for one after the other, the second is the next one all along: it is found once.
  let from = Number.POSITIVE_INFINITY
  let found: number | undefined
  const next = (ms: number) => {
    if (ms >= from && (found === undefined || ms < found)) return found
    found = find(ms)
    from = ms
    return found
  }
  const walk = (from: number, to: number) => {
    const found: number[] = []
    for (let at = next(from); at !== undefined && at <= to && found.length < MOST_WALKED; at = next(at)) found.push(at)
    return found
  }
  return {
    next,
    between(from, to, _since, most) {
      const oldest = walk(from, to)
      if (oldest.length < MOST_WALKED) return { count: oldest.length, newest: oldest.slice(-most) }
      // The newest are looked for from the end, further back until they are enough.
      let newest: number[] = []
      for (let span = most * MINUTE_MS; newest.length < most; span *= 4) newest = walk(Math.max(from, to - span), to)
      return { count: oldest.length, newest: newest.slice(-most) }
    },
  }
}

/** Those alone that are not before `after` and not after `until`. */
export function within(times: Times, after = Number.NEGATIVE_INFINITY, until = Number.POSITIVE_INFINITY): Times {
  if (after === Number.NEGATIVE_INFINITY && until === Number.POSITIVE_INFINITY) return times
  return {
    ...times,
    next(ms, since) {
      const at = times.next(Math.max(ms, after - 1), since)
      return at !== undefined && at <= until ? at : undefined
    },
    between: (from, to, since, most) => times.between(Math.max(from, after - 1), Math.min(to, until), since, most),
  }
}
