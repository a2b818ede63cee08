// A part of the day, the week, or of time: `range` and `skip_during_range`. Both of its ends belong to it.
import { ReactorError } from '../base/errors.ts'
import { type Phrase, readPhrase } from './phrase.ts'

export interface Window {
  contains(ms: number): boolean
  /** When the one that contains `ms` ends. */
  endsAt(ms: number): number | undefined
}

/** From 22:00 to 6:00 goes over midnight, from Friday to Monday over the weekend. Throws `bad_argument`. */
export function readWindow(given: { start: string; end: string }, zone: string): Window {
  const start = readPhrase(given.start, zone)
  const end = readPhrase(given.end, zone)
  const said = `from '${given.start}' to '${given.end}'`
  if (start.dated !== end.dated)
    throw new ReactorError('bad_argument', `${said}: give a date to both of them or to none`)
  if (start.dated && at(start) >= at(end))
    throw new ReactorError('bad_argument', `${said}: the end must lie after the start`)
  if (!start.dated && start.next(0) === end.next(0))
    throw new ReactorError('bad_argument', `${said}: both are the same time; for a whole day write 0:00 to 23:59:59`)
  return {
    contains(ms) {
      const began = start.last(ms)
      if (began === undefined) return false
      const ended = end.last(ms)
      if (ended === undefined || ended < began || ended === ms) return true
      // A clock that leaps over both has them in one moment; which of them was the first, the next ones show.
      return ended === began && (end.next(ms) ?? Number.POSITIVE_INFINITY) < (start.next(ms) ?? 0)
    },
    endsAt: ms => end.next(ms - 1),
  }
}

const at = (dated: Phrase): number => dated.next(Number.NEGATIVE_INFINITY) ?? 0
