// What became due of an entry, as it is handed on: runs within `maxrunning`, and skipped slots told twice at most: when it
// begins, and how many they were when it is over. A slot a second that is held back all night is two records.
import type { Entry } from './entry.ts'
import type { Kept, Run, Skip, Skipped, SkipReason } from './timetable.ts'

export interface Handled {
  runs: Run[]
  /** To be told. */
  skips: Skip[]
  /** Slots that were skipped, told or not, by reason. */
  counts: ReadonlyMap<SkipReason, number>
  kept: Kept
}

/** Nothing became due; what is kept is another. */
export const onlyKept = (kept: Kept): Handled => ({ runs: [], skips: [], counts: new Map(), kept })

/** `running`: slots of runs that have not ended. */
export function handledOf(
  { maxRunning }: Pick<Entry, 'maxRunning'>,
  kept: Kept,
  handled: readonly (Run | Skip)[],
  running: ReadonlySet<number>,
  now: number,
): Handled {
  const runs: Run[] = []
  const skips: Skip[] = []
  const counts = new Map<SkipReason, number>()
  let { skipped, ran } = kept

  const tell = (): Skipped | undefined => {
    if (!skipped || skipped.over) return skipped
    if (skipped.count > skipped.told) skips.push({ ...skipOf(skipped), over: true })
    return { ...skipped, told: skipped.count, over: true }
  }
  const skip = (one: Skip) => {
    counts.set(one.reason, (counts.get(one.reason) ?? 0) + one.count)
    if (skipped && !skipped.over && skipped.reason === one.reason) {
      skipped = { ...skipped, to: Math.max(skipped.to, one.to), count: skipped.count + one.count }
      return
    }
    tell()
    skips.push(one)
    skipped = { ...one, told: one.count }
  }
  for (const one of handled) {
    if (one.kind === 'skip') skip(one)
    else if (!one.late && running.size + runs.length >= maxRunning)
      skip({ kind: 'skip', reason: 'maxrunning', from: one.slot, to: one.slot, count: 1 })
    else {
      skipped = tell()
      runs.push(one)
      ran = { slot: one.slot, at: now }
    }
  }
  const slots = Number.isFinite(maxRunning) ? [...running, ...runs.map(({ slot }) => slot)] : []
  return {
    runs,
    skips,
    counts,
    kept: { ...kept, running: slots, ...(ran ? { ran } : {}), ...(skipped ? { skipped } : {}) },
  }
}

const skipOf = ({ told: _told, over: _over, ...skip }: Skipped): Skip => skip
