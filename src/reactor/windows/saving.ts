// When the state of a partition is saved, and what of it: the position first, then one rule after the other, each as it is
// at its own position, so that large states do not keep the process from all else in one go.
import { performance } from 'node:perf_hooks'
import { setImmediate as turn } from 'node:timers/promises'
import type { Checkpoint, Snapshot } from './checkpoint.ts'
import type { Deliver } from './deliver.ts'
import type { Folds } from './folds.ts'

export interface Saving {
  /** Milliseconds until it is time; Infinity where there is nothing to save. */
  wait(): number
  /** So much has come that it is time before the usual time. */
  isFull(): boolean
  /** Once all that rests on it is stored. False where another has saved: who leads is another. */
  save(created: string): Promise<boolean>
}

export interface SavingParts {
  checkpoint: Checkpoint
  folds: Folds
  deliver: Deliver
  /** Everything up to this sequence has been folded. */
  position(): number
}

const EVERY_MS = 1000
/** Wanted events after which it does not wait so long. */
const FULL = 5000
/** Of the time, saving may take one part in so many, for as long as this pause is no longer than the second. */
const SHARE = 5
const LONGEST_MS = 10_000
/** Characters of states after which others have their turn. */
const AT_ONCE = 256 * 1024

export function createSaving({ checkpoint, folds, deliver, position }: SavingParts): Saving {
  let at = Number.NEGATIVE_INFINITY
  let took = 0
  let seq = -1
  let folded = 0

  const isFull = () => folds.folded() - folded >= FULL
  const isChanged = () => seq !== position() || [...folds.rules.values()].some(({ changed }) => changed)

  return {
    isFull,
    wait() {
      if (!isChanged()) return Number.POSITIVE_INFINITY
      const pause = Math.max(Math.min(took * SHARE, LONGEST_MS), isFull() ? 0 : EVERY_MS)
      return Math.max(0, at + pause - performance.now())
    },
    async save(created) {
      let began = performance.now()
      const savedSeq = position()
      const savedFolded = folds.folded()
      const rules = new Map<string, Snapshot>()
      const changed = [...folds.rules.values()].filter(folding => folding.changed)
      try {
        let made = 0
        for (const [rule, folding] of folds.rules) {
          const text = folding.changed ? JSON.stringify(folding.fold.save()) : undefined
          rules.set(rule, { definition: folding.definition, seq: Math.max(folding.from, position()), text })
          folding.changed = false
          made += text?.length ?? 0
          if (made < AT_ONCE) continue
          made = 0
          await turn()
        }
        const waited = performance.now()
        await deliver.stored()
        began += performance.now() - waited
        if (!(await checkpoint.save({ seq: savedSeq, created }, rules))) return false
      } catch (error) {
        for (const folding of changed) folding.changed = true
        throw error
      }
      at = performance.now()
      took = at - began
      seq = savedSeq
      folded = savedFolded
      return true
    },
  }
}
