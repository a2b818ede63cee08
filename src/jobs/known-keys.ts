// The keys of work that is done, in memory, in generations of an hour or more, each forgotten as a whole: when it is old, or,
// the oldest first, where there are more keys than are held.
import type { Clock } from '../base/clock.ts'
import { createHashKey, createKeyTable, type KeyTable } from './key-table.ts'

export interface KnownKeys {
  has(key: string): boolean
  /** Holds the key as one of the time `at` (milliseconds since the epoch), or of the present where that is ahead of it. */
  add(key: string, at: number): void
  /** Keys that are held now; one that was added in two generations counts twice. */
  size(): number
}

export interface KnownKeysOptions {
  /** Keys that are held at most, about. */
  most: number
  /** Hears of the time up to which keys were let go of because there were too many. */
  onForgot(untilMs: number): void
  /** Slots of one table, a power of two: a larger one takes longer to be made larger. */
  slots?: number
}

const HOUR_MS = 3_600_000
/** Each key that is not known is looked for in every generation: 192 of an hour cost ten times as much as these. */
const GENERATIONS = 16
/** Twelve mebibytes. */
const SLOTS = 2 ** 20

/** Holds keys for `keepMs` milliseconds, and a sixteenth of that or an hour more. A key takes 15 to 30 bytes. */
export function createKnownKeys(
  keepMs: number,
  clock: Pick<Clock, 'now'>,
  { most, onForgot, slots = SLOTS }: KnownKeysOptions,
): KnownKeys {
  const spanMs = Math.max(HOUR_MS, Math.ceil(keepMs / GENERATIONS))
  const hashOf = createHashKey()
  /** Newest last. */
  let generations: { span: number; keys: KeyTable }[] = []
  let held = 0

  const isOver = (span: number) => (span + 1) * spanMs <= clock.now() - keepMs
  const forget = (fits: (generation: { span: number }, at: number) => boolean) => {
    generations = generations.filter((generation, at) => {
      if (!fits(generation, at)) return true
      held -= generation.keys.size()
      return false
    })
  }
  const open = (span: number) => {
    forget(generation => isOver(generation.span))
    const keys = createKeyTable(slots)
    generations.push({ span, keys })
    generations.sort((a, b) => a.span - b.span)
    return keys
  }

  return {
    has(key) {
      const hash = hashOf(key)
      for (let i = generations.length - 1; i >= 0; i--) if (generations[i]!.keys.has(hash)) return true
      return false
    },
    add(key, at) {
      const span = Math.floor(Math.min(at, clock.now()) / spanMs)
      if (isOver(span)) return
      const there = generations.findLast(generation => generation.span === span && !generation.keys.isFull())
      const keys = there?.keys ?? open(span)
      if (keys.add(hashOf(key))) held += 1
      // The last one stays, whatever it holds.
      while (held > most && generations.length > 1) {
        onForgot((generations[0]!.span + 1) * spanMs)
        forget((_, first) => first === 0)
      }
    },
    size: () => held,
  }
}
