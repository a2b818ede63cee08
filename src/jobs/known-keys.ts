// The keys of work that is done, in memory, in generations of an hour or more, each forgotten as a whole.
import type { Clock } from '../base/clock.ts'

export interface KnownKeys {
  has(key: string): boolean
  /** Holds the key as one of the time `at` (milliseconds since the epoch), or of the present where that is ahead of it. */
  add(key: string, at: number): void
  /** Keys that are held now. */
  size(): number
}

const HOUR_MS = 3_600_000
/** Each key that is not known is looked for in every generation: 192 of an hour cost ten times as much as these. */
const GENERATIONS = 16
/** A Set refuses its 16,777,217th member. */
const MOST_IN_ONE = 2 ** 23

/** Holds keys for `keepMs` milliseconds, and a sixteenth of that or an hour more. */
export function createKnownKeys(keepMs: number, clock: Pick<Clock, 'now'>, mostInOne = MOST_IN_ONE): KnownKeys {
  const spanMs = Math.max(HOUR_MS, Math.ceil(keepMs / GENERATIONS))
  /** Newest last. */
  let generations: { span: number; keys: Set<string> }[] = []

  const isOver = (span: number) => (span + 1) * spanMs <= clock.now() - keepMs
  const open = (span: number) => {
    generations = generations.filter(generation => !isOver(generation.span))
    const keys = new Set<string>()
    generations.push({ span, keys })
    generations.sort((a, b) => a.span - b.span)
    return keys
  }

  return {
    has(key) {
      for (let i = generations.length - 1; i >= 0; i--) if (generations[i]!.keys.has(key)) return true
      return false
    },
    add(key, at) {
      const span = Math.floor(Math.min(at, clock.now()) / spanMs)
      if (isOver(span)) return
      const there = generations.findLast(generation => generation.span === span && generation.keys.size < mostInOne)
      const keys = there?.keys ?? open(span)
      keys.add(key)
    },
    size: () => generations.reduce((sum, { keys }) => sum + keys.size, 0),
  }
}
