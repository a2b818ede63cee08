// Fields that many events have, described once.
import { z } from 'zod'

export const texts = z.array(z.string())
export const map = z.record(z.string(), z.unknown())
/** As `_stamp` of events. */
export const stamp = z.string()
/** Of a target: one text, or the ids of a list. */
export const target = z.union([z.string(), texts])
export const payload = z
  .strictObject({ name: z.string(), parts: z.number(), size: z.number(), sha256: z.string() })
  .describe(
    'where a return lies that is larger than a message: `name`, `parts`, `size`, `sha256`; `return` is null then',
  )

export const jid = z.string().describe('the job')
export const minionId = z.string().describe('the minion')
export const fun = z.string().describe('the function')
export const times = {
  deadline: z.number().describe('by when it must have started, milliseconds since the epoch'),
  run_until: z.number().describe('by when it must have ended, milliseconds since the epoch'),
}
