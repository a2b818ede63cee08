// The sliding window of a batch: so many minions run at once, and where one ends the next may start, after a pause.
import { ReactorError } from '../base/errors.ts'

/** `10`, or `25%` of the minions that match: at least one. Throws `usage`. */
export function batchSize(text: string, minions: number): number {
  const [, digits, percent] = /^(\d+)(%?)$/.exec(text) ?? []
  const value = Number(digits)
  if (digits === undefined || value < 1 || (percent && value > 100))
    throw new ReactorError('usage', `'${text}' is no batch size: write a number from 1 on, or a share such as 25%`)
  return percent ? Math.max(1, Math.floor((minions * value) / 100)) : value
}

export interface Batch {
  /** Those that are to start now; they count as running from here on. */
  take(nowMs: number): string[]
  ended(id: string, nowMs: number): void
  /** Lets no further one start. */
  stop(): void
  /** When a place comes free by time alone; undefined where only the end of one that runs can bring it. */
  nextFree(nowMs: number): number | undefined
  readonly running: ReadonlySet<string>
  /** Those that have not been started, in their order. */
  readonly left: readonly string[]
  readonly done: boolean
}

/** As in Salt, the place of one that has ended stays taken for `waitMs`. */
export function createBatch(minions: readonly string[], size: number, waitMs: number): Batch {
  const left = [...minions]
  const running = new Set<string>()
  /** Until when places of those that have ended are kept. */
  let kept: number[] = []
  let stopped = false
  return {
    take(nowMs) {
      kept = kept.filter(until => until > nowMs)
      const free = stopped ? 0 : Math.max(0, size - running.size - kept.length)
      const next = left.splice(0, free)
      for (const id of next) running.add(id)
      return next
    },
    ended(id, nowMs) {
      if (running.delete(id) && waitMs > 0) kept.push(nowMs + waitMs)
    },
    stop() {
      stopped = true
    },
    nextFree: nowMs =>
      stopped || left.length === 0
        ? undefined
        : kept.filter(until => until > nowMs).reduce<number | undefined>((a, b) => Math.min(a ?? b, b), undefined),
    running,
    left,
    get done() {
      return running.size === 0 && (stopped || left.length === 0)
    },
  }
}
