// Single runs that people skip or put off, by the time of their slot.

import { type Answer, failed, unknownJob } from './answer.ts'
import type { Book } from './book.ts'
import { readTime } from './entry.ts'
import type { Scheduler } from './scheduler.ts'
import { withTime } from './timetable.ts'

export interface PutOffParts<Call> {
  book: Book<Call>
  scheduler: Pick<Scheduler<Call>, 'change' | 'kept'>
}

export function createPuttingOff<Call>({ book, scheduler }: PutOffParts<Call>) {
  const entryOf = (name: string) => book.entries().get(name)
  const timeIn = (name: string, text: string, format: string | undefined) => {
    const ms = readTime(text, format, entryOf(name)!.entry.zone)
    return Math.floor(ms / 1000) * 1000
  }
  /** The slot of that second. */
  const slotAt = (name: string, ms: number): number => {
    const { times } = entryOf(name)!.entry
    const slot = times.next(ms - 1, scheduler.kept(name)?.since ?? ms)
    return slot !== undefined && slot < ms + 1000 ? slot : ms
  }

  return {
    async postpone_job(name: string, current: string, to: string, format?: string): Promise<Answer> {
      if (!entryOf(name)) return unknownJob(name)
      try {
        const skip = slotAt(name, timeIn(name, current, format))
        const extra = timeIn(name, to, format)
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
        const skip = slotAt(name, timeIn(name, current, format))
        await scheduler.change(name, kept => ({ ...kept, skip: withTime(kept.skip, skip) }))
        return { result: true, comment: `Added Skip Job ${name} in schedule.` }
      } catch (error) {
        return failed(error)
      }
    },
  }
}
