// When an entry is due: an interval, phrases, a cron line, or once. Pure: what comes next follows from a time alone.
import { Cron } from 'croner'
import { errorMessage, ReactorError } from '../base/errors.ts'
import { type Phrase, readPhrase } from './phrase.ts'

export interface Times {
  /** Milliseconds; absent where they lie on the wall clock. */
  interval?: number
  /** The first due time after `ms`; an interval counts from `since`. Undefined: none comes any more. */
  next(ms: number, since: number): number | undefined
  /** Those after `from` and up to `to`: how many, and the newest of them, `most` at most, in order. */
  between(from: number, to: number, since: number, most: number): Between
}

export interface Between {
  count: number
  newest: number[]
}

/** Times that are walked one by one to be counted; half a second of work. */
const MOST_WALKED = 5000

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
  return walked(ms => earliest(phrases, ms))
}

const earliest = (phrases: readonly Phrase[], ms: number): number | undefined =>
  phrases.reduce<number | undefined>((first, phrase) => {
    const at = phrase.next(ms)
    return at !== undefined && (first === undefined || at < first) ? at : first
  }, undefined)

/** Throws `bad_argument` of a line that cannot be read. */
export function cronTimes(line: string, zone: string): Times {
  let cron: Cron
  try {
    // As cron itself has it: no seconds, and one of the two days is enough.
    cron = new Cron(line, { timezone: zone, mode: '5-part', paused: true })
  } catch (error) {
    const said = errorMessage(error).replace(/^Cron(Pattern)?: /, '')
    throw new ReactorError('bad_argument', `'${line}' is no cron line (minute hour day month weekday): ${said}`)
  }
  return walked(ms => cron.nextRun(new Date(ms))?.getTime())
}

export const onceAt = (at: number): Times => walked(ms => (at > ms ? at : undefined))

function walked(next: (ms: number) => number | undefined): Times {
  return {
    next,
    between(from, to, _since, most) {
      const newest: number[] = []
      let count = 0
      for (let at = next(from); at !== undefined && at <= to && count < MOST_WALKED; at = next(at)) {
        count += 1
        newest.push(at)
        if (newest.length > most) newest.shift()
      }
      return { count, newest }
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
