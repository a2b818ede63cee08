// What goes into columns is ASCII whatever it was, so that no character set of a table can change it: neither one of three bytes,
// nor a NUL, nor half a character.
import { createHash } from 'node:crypto'
import { isObject } from '../../base/json.ts'

const BEYOND_ASCII = /[\u007f-\uffff]/g

/** JSON whose characters beyond ASCII are escaped. */
export function asciiJson(value: unknown): string {
  return escaped(JSON.stringify(value ?? null))
}

const escaped = (json: string): string =>
  json.replace(BEYOND_ASCII, unit => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)

/** A name as the inside of a JSON string: mostly the name itself. A space at its end is escaped: columns may overlook it. */
export const nameText = (name: string): string => asciiJson(name).slice(1, -1).replace(/ $/, '\\u0020')

/** A map that was written as JSON; undefined: it is none, and others wrote it. */
export function readMap(text: string | null | undefined): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text ?? '')
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** The name that `nameText` was made of; others may have written others. */
export function readName(text: string): string {
  try {
    return JSON.parse(`"${text}"`)
  } catch {
    return text
  }
}

/** The name for a column of that width: what is too long ends with a hash of the whole, so that names stay apart. */
export function shortName(name: string, width = Number.POSITIVE_INFINITY): string {
  const text = nameText(name)
  if (text.length <= width) return text
  return `${text.slice(0, width - 9)}~${createHash('sha256').update(name).digest('hex').slice(0, 8)}`
}
