// A duration in the configuration: `5m`, `30s`, or seconds; milliseconds once it is read.
import { z } from 'zod'
import { parseDuration } from '../base/duration.ts'
import { errorMessage } from '../base/errors.ts'

export const duration = z.union([z.string(), z.number()]).transform((text, context) => {
  try {
    return parseDuration(text)
  } catch (error) {
    context.addIssue({ code: 'custom', message: errorMessage(error) })
    return z.NEVER
  }
})
