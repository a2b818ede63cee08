// Statements over many rows, in steps that a database takes at once.
import { refused } from '../../functions/define-returner.ts'
import type { Run, SqlText } from './dialect.ts'

/** Rows of one statement. */
export const MOST_ROWS = 500
/** Bytes of one statement, unless a single row is larger. */
const MOST_BYTES = 1024 * 1024
/** What a value takes beside its text. */
const FRAME_BYTES = 16

export const quoted = (column: string): string => `"${column}"`
export const marks = (count: number): string => Array.from({ length: count }, () => '?').join(', ')
/** `(?, ?), (?, ?)` */
export const tuples = (count: number, width: number): string =>
  Array.from({ length: count }, () => `(${marks(width)})`).join(', ')

export interface InsertRows {
  table: string
  columns: readonly string[]
  /** Values in the order of the columns, all of ASCII. */
  rows: readonly (readonly SqlText[])[]
  /** What becomes of rows whose key is there. */
  tail?: string
  /** Bytes that one statement may have. */
  room: number
}

/** Bytes of a row in a statement. */
export const sizeOf = (row: readonly SqlText[]): number =>
  row.reduce((sum, value) => sum + (value?.length ?? 0) + FRAME_BYTES, 0)

/** How many rows changed. Throws `refused` on a row that is larger than the room. */
export async function insertRows(run: Run, { table, columns, rows, tail = '', room }: InsertRows): Promise<number> {
  const begin = `INSERT INTO ${table} (${columns.map(quoted).join(', ')}) VALUES `
  let changed = 0
  for (const part of inParts(rows, table, room))
    changed += (await run(`${begin}${tuples(part.length, columns.length)} ${tail}`, part.flat())).changed
  return changed
}

function* inParts(rows: InsertRows['rows'], table: string, room: number): Generator<(readonly SqlText[])[]> {
  let part: (readonly SqlText[])[] = []
  let bytes = 0
  for (const row of rows) {
    const size = sizeOf(row)
    if (size > room)
      throw refused(`a row of ${size} bytes for '${table}' is larger than the database takes at once, which is ${room}`)
    if (part.length === MOST_ROWS || (part.length > 0 && bytes + size > Math.min(MOST_BYTES, room))) {
      yield part
      part = []
      bytes = 0
    }
    part.push(row)
    bytes += size
  }
  if (part.length > 0) yield part
}

/** Parts of a list, for statements with a mark for each. */
export function* partsOf<T>(all: readonly T[], most = MOST_ROWS): Generator<T[]> {
  for (let from = 0; from < all.length; from += most) yield all.slice(from, from + most)
}
