// What is kept of entries, as it is written: at once where it says how far an entry is, a little later where it says no more than
// that a run has ended, which the next write of a busy entry says too.
import type { Kept } from './timetable.ts'

export interface KeepingParts {
  /** As it was loaded; changed by what is kept. */
  stored: Map<string, Kept>
  keep(name: string, kept: Kept | undefined): Promise<void>
  /** As it is now. */
  kept(name: string): Kept | undefined
  onError(error: unknown): void
}

export interface Keeping {
  /** What its intervals count from is kept: before any slot that they give is handed over. */
  countsFrom(name: string, kept: Kept): Promise<void>
  keep(name: string, kept: Kept, isDue: boolean): Promise<void>
  forget(name: string): Promise<void>
  /** What waits is not written: the ledger says it. */
  stop(): void
}

const LATER_MS = 2000

export function createKeeping({ stored, keep, kept, onError }: KeepingParts): Keeping {
  const later = new Map<string, NodeJS.Timeout>()
  const cancel = (name: string) => {
    clearTimeout(later.get(name))
    later.delete(name)
  }
  const put = async (name: string, one: Kept) => {
    cancel(name)
    await keep(name, one)
    stored.set(name, one)
  }
  const putLater = (name: string) => {
    if (later.has(name)) return
    const write = () => {
      later.delete(name)
      const one = kept(name)
      if (one) put(name, one).catch(onError)
    }
    later.set(name, setTimeout(write, LATER_MS).unref())
  }
  return {
    async countsFrom(name, { since, timesKey, ...rest }) {
      const before = stored.get(name)
      if (before?.since === since && before.timesKey === timesKey) return
      await put(name, { ...rest, since, timesKey, last: since })
    },
    async keep(name, one, isDue) {
      if (!isDue && saysEndAlone(one, stored.get(name))) putLater(name)
      else await put(name, one)
    },
    async forget(name) {
      cancel(name)
      stored.delete(name)
      await keep(name, undefined)
    },
    stop() {
      for (const name of [...later.keys()]) cancel(name)
    },
  }
}

function saysEndAlone(one: Kept, before: Kept | undefined): boolean {
  if (!before) return false
  const { running: _now, ...rest } = one
  const { running: _before, ...restBefore } = before
  return JSON.stringify(rest) === JSON.stringify(restBefore)
}
