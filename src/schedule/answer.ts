// Salt's answers to who changes a schedule.
import { errorMessage } from '../base/errors.ts'

/** Salt's answer to a change. A failed one is a failed job. */
export interface Answer {
  result: boolean
  comment: string | string[]
  changes?: Record<string, unknown>
}

export const failed = (error: unknown): Answer => ({
  result: false,
  comment: `Error: ${errorMessage(error)}`,
  changes: {},
})

export const unknownJob = (name: string, more = '.'): Answer => ({
  result: false,
  comment: `Job ${name} does not exist${more}`,
})
