// What an entry becomes when some of its options are changed.
import { type Item, readItem } from './item.ts'

export const TIME_KEYS = ['seconds', 'minutes', 'hours', 'days', 'every', 'when', 'cron', 'once', 'once_fmt'] as const

/** An entry with some of its options changed; another kind of time takes the place of the one it had. Throws `bad_argument`. */
export function modifiedItem(item: Item, given: Record<string, unknown>): Record<string, unknown> {
  const part = readPart(given)
  const isTimed = TIME_KEYS.some(key => part[key] !== undefined)
  const rest = isTimed
    ? Object.fromEntries(Object.entries(item).filter(([key]) => !TIME_KEYS.includes(key as never)))
    : item
  return { ...rest, ...part }
}

/** Some keys of an entry, checked as the whole is. */
function readPart(given: Record<string, unknown>): Partial<Item> {
  const hasFunction = ['function', 'fun', 'func'].some(key => given[key] !== undefined)
  const { function: fun, ...rest } = readItem(hasFunction ? given : { ...given, function: '-' })
  return hasFunction ? { function: fun, ...rest } : rest
}
