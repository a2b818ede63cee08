// What state functions return, in the ways in which most of them end.
import type { StateReturn } from './state-context.ts'

/** It is as it should be, and was before. */
export const unchanged = (comment: string): StateReturn => ({ result: true, changes: {}, comment })

/** It was made so. */
export const changed = (comment: string, changes: Record<string, unknown>): StateReturn => ({
  result: true,
  changes,
  comment,
})

/** It would be made so, were it no test. */
export const wouldChange = (comment: string, changes: Record<string, unknown> = {}): StateReturn => ({
  result: null,
  changes,
  comment,
})

/** It could not be made so; `changes` are what was changed all the same. */
export const failed = (comment: string, changes: Record<string, unknown> = {}): StateReturn => ({
  result: false,
  changes,
  comment,
})
