// What a schedule worker counts, for its metrics.
import { createHistogram, type HistogramReading } from '../base/histogram.ts'

export interface ScheduleStats {
  /** Slots that were handed over, late by so many milliseconds. */
  ran(entry: string, lateMs: number): void
  skipped(entry: string, reason: string, count: number): void
  read(): {
    /** By entry, and by what became of slots: `run`, or the reason for which they were skipped. */
    slots: ReadonlyMap<string, ReadonlyMap<string, number>>
    late: HistogramReading
  }
}

export function createScheduleStats(): ScheduleStats {
  const slots = new Map<string, Map<string, number>>()
  const late = createHistogram()
  const count = (entry: string, result: string, by: number) => {
    const counts = slots.get(entry) ?? new Map<string, number>()
    slots.set(entry, counts.set(result, (counts.get(result) ?? 0) + by))
  }
  return {
    ran(entry, lateMs) {
      count(entry, 'run', 1)
      late.observe(lateMs)
    },
    skipped: count,
    read: () => ({ slots, late: late.read() }),
  }
}
