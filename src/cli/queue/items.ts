// Items of queues on a command line: what is typed, and what is shown.
import { cleanText } from '../../base/clean.ts'
import { ReactorError } from '../../base/errors.ts'
import { parseValue } from '../words.ts'

/** Several words are several items, and so is a list in one. Throws `usage`. */
export async function readItems(words: readonly string[]): Promise<unknown> {
  const items = await Promise.all(words.map(parseValue))
  return items.length === 1 ? items[0] : items
}

/** A whole number, or `all`. Throws `usage`. */
export function readQuantity(text: string): number | 'all' {
  if (text === 'all') return text
  if (/^\d+$/.test(text)) return Number(text)
  throw new ReactorError('usage', `a quantity is a whole number or 'all', got '${text}'`)
}

/** One line: a text as it is, where it could be taken for nothing else; all else as JSON. */
export function itemText(item: unknown): string {
  return cleanText(typeof item === 'string' && isPlain(item) ? item : JSON.stringify(item))
}

/** Typed so, it would be the same text again. */
const isPlain = (text: string): boolean =>
  text !== '' &&
  text === cleanText(text) &&
  !/^[\s"[{]|\s$/.test(text) &&
  !/^(?:true|false|null|none|~)$/i.test(text) &&
  String(Number(text)) !== text
