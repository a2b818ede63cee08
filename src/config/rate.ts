// A rate as people write it, `10/s`, `600/m`, or as a map {items, every}.
import { z } from 'zod'
import { parseDuration } from '../base/duration.ts'
import { errorMessage } from '../base/errors.ts'

export interface Rate {
  items: number
  everyMs: number
}

const WRITTEN = /^(\d+)\s*\/\s*([\d.]*(?:ms|s|m|h|d))$/

export const rate = z
  .union([z.string(), z.strictObject({ items: z.number(), every: z.union([z.string(), z.number()]) })])
  .transform((given, context): Rate => {
    const [, count, unit] = typeof given === 'string' ? (WRITTEN.exec(given.trim()) ?? []) : []
    const items = typeof given === 'string' ? Number(count) : given.items
    const wrong = (message: string) => {
      context.addIssue({ code: 'custom', message })
      return z.NEVER
    }
    try {
      const every = typeof given === 'string' ? (unit ?? '') : given.every
      const everyMs = parseDuration(/^[a-z]/.test(String(every)) ? `1${every}` : every)
      if (Number.isInteger(items) && items >= 1 && everyMs >= 1) return { items, everyMs }
    } catch (error) {
      if (typeof given !== 'string') return wrong(errorMessage(error))
    }
    return wrong('a rate is written as 10/s, 600/m or 100/10s, or as {items: 10, every: 1s}, of one item or more')
  })
