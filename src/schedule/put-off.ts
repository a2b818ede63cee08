// Single runs that people skip or put off, by the time of their slot. Nothing is promised of a time that is over.
import { ReactorError } from '../base/errors.ts'
import { type Answer, failed, unknownJob } from './answer.ts'
import type { Book } from './book.ts'
import { readTime } from './entry.ts'
import type { Scheduler } from './scheduler.ts'
import { TIME_FORMAT, writeTime } from './strptime.ts'
import { slotDueIn, withTime } from './timetable.ts'

export interface PutOffParts<Call> {
  book: Book<Call>
  scheduler: Pick<Scheduler<Call>, 'change' | 'kept'>
  /** Milliseconds since the epoch. */
  now(): number
  /** Decides over splays. */
  who: string
}

export function createPuttingOff<Call>({ book, scheduler, now, who }: PutOffParts<Call>) {
  const entryOf = (name: string) => book.entries().get(name)
  const timeIn = (name: string, text: string, format: string | undefined) => {
    const ms = readTime(text, format, entryOf(name)!.entry.zone)
    return Math.floor(ms / 1000) * 1000
  }
  const past = (name: string, what: string, expected: string) => {
    const { zone } = entryOf(name)!.entry
    return new ReactorError(
      'bad_argument',
      `${what} is past: give ${expected}; it is ${writeTime(now(), TIME_FORMAT, zone)} now (${zone})`,
    )
  }
  /** The slot of that second. Throws `bad_argument` of a time that cannot be read, or at which nothing is to run any more. */
  const slotAt = (name: string, text: string, format: string | undefined): number => {
    const ms = timeIn(name, text, format)
    const { entry } = entryOf(name)!
    const { times } = entry
    const { since = ms, last = now() } = scheduler.kept(name) ?? {}
    const own = times.next(ms - 1, since)
    // People are shown when it runs; the time that its entry names is meant where it runs at no such one.
    const slot = slotDueIn(entry, ms, since, who) ?? (own !== undefined && own < ms + 1000 ? own : ms)
    // A splay keeps one waiting beyond its time.
    if (slot <= now() && slot !== times.next(last, since))
      throw past(name, `the time '${text}'`, 'one at which it is still to run')
    return slot
  }
  /** Throws `bad_argument` of a time that cannot be read, or does not lie ahead. */
  const comingAt = (name: string, text: string, format: string | undefined): number => {
    const ms = timeIn(name, text, format)
    if (ms <= now()) throw past(name, `the new time '${text}'`, 'a later one')
    return ms
  }

  return {
    async postpone_job(name: string, current: string, to: string, format?: string): Promise<Answer> {
      if (!entryOf(name)) return unknownJob(name)
      try {
        const skip = slotAt(name, current, format)
        const extra = comingAt(name, to, format)
        await scheduler.change(name, kept => ({
          ...kept,
          skip: withTime(kept.skip, skip),
          extra: withTime(kept.extra, extra),
        }))
        return { result: true, comment: `Postponed Job ${name} in schedule.` }
      } catch (error) {
        return failed(error)
      }
    },
    async skip_job(name: string, current: string, format?: string): Promise<Answer> {
      if (!entryOf(name)) return unknownJob(name)
      try {
        const skip = slotAt(name, current, format)
        await scheduler.change(name, kept => ({ ...kept, skip: withTime(kept.skip, skip) }))
        return { result: true, comment: `Added Skip Job ${name} in schedule.` }
      } catch (error) {
        return failed(error)
      }
    },
  }
}
