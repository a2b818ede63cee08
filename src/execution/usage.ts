// How full something is, in percent as psutil counts it, and the limits that people set for it.
import { z } from 'zod'

/** `63`, `63.5` or `63%`, as a number. */
export const percentOption = z
  .union(
    [z.number(), z.string().regex(/^\s*\d+(\.\d+)?\s*%?\s*$/, 'expected a percentage such as 63%')],
    'expected a percentage such as 63%',
  )
  .transform(value => (typeof value === 'number' ? value : Number.parseFloat(value)))
  .refine(value => value >= 0 && value <= 100, 'expected a percentage from 0 to 100')

/** With one digit behind the point; 0 of nothing. */
export const percentOf = (used: number, total: number): number =>
  total > 0 ? Math.round((used / total) * 1000) / 10 : 0
