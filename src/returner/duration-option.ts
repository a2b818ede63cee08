// A duration as an option of a returner: `10s`, `24h`, or a number of seconds; milliseconds to its `open`.
import { z } from 'zod'
import { parseDuration } from '../base/duration.ts'
import { errorMessage } from '../base/errors.ts'

export const durationOption = z.union([z.string(), z.number()]).transform((text, context) => {
  try {
    return parseDuration(text)
  } catch (error) {
    context.addIssue({ code: 'custom', message: errorMessage(error) })
    return z.NEVER
  }
})
