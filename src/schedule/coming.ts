// The coming fires of a schedule, in their order. Pure: the next one of each entry, and again of the one whose turn it was.
import { createDueQueue } from './due-queue.ts'
import type { Entry } from './entry.ts'
import { type Due, type Kept, nextDue, reasonToSkip, type SkipReason } from './timetable.ts'

export interface ComingSlot<Call> {
  entry: Entry<Call>
  due: number
  /** It is known already that it will not run. */
  skipped?: SkipReason
}

interface Ahead<Call> {
  entry: Entry<Call>
  kept: Kept
  due: Due
}

/** `limit` of them at most; those of entries that are disabled are none. */
export function comingSlots<Call>(
  entries: Iterable<Entry<Call>>,
  keptOf: (name: string) => Kept | undefined,
  who: string,
  limit: number,
): ComingSlot<Call>[] {
  const heap = createDueQueue<Ahead<Call>>(({ due }) => due.due)
  const add = (entry: Entry<Call>, kept: Kept) => {
    const due = nextDue(entry, kept, who)
    if (due) heap.add({ entry, kept, due }, due.due)
  }
  for (const entry of entries) {
    const kept = keptOf(entry.name)
    if (entry.enabled && kept) add(entry, kept)
  }
  const coming: ComingSlot<Call>[] = []
  for (let at = heap.next(); coming.length < limit && at !== Number.POSITIVE_INFINITY; at = heap.next()) {
    for (const { entry, kept, due } of heap.take(at)) {
      const skipped = reasonToSkip(entry, kept, due.slot, due.extra, true)
      coming.push({ entry, due: due.due, ...(skipped ? { skipped } : {}) })
      add(entry, due.extra ? { ...kept, extra: kept.extra.slice(1) } : { ...kept, last: due.slot })
    }
  }
  return coming.slice(0, limit)
}
