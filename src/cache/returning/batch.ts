// How much a store is given together.
import type { Taken } from './held.ts'

/** A batch has so many records at most, and so many bytes unless one alone has more. */
export const BATCH_RECORDS = 500
export const BATCH_BYTES = 2 * 1024 * 1024

/** Takes it out of `waiting`. `limitOf`: records with which one is given at most; only those of one limit go together. */
export function nextBatch<R>(waiting: Taken<R>[], limitOf: (taken: Taken<R>) => number): Taken<R>[] {
  const limit = waiting[0] ? limitOf(waiting[0]) : 0
  let bytes = 0
  let count = 0
  for (const taken of waiting) {
    bytes += taken.bytes
    if (count > 0 && (count === limit || bytes > BATCH_BYTES || limitOf(taken) !== limit)) break
    count += 1
  }
  return waiting.splice(0, count)
}
