// What the tables look like that a database has: made by this program, or by hand from Salt's SQL, which has fewer keys.
import { systemClock } from '../../base/clock.ts'
import { ReactorError } from '../../base/errors.ts'
import type { Database, SqlTable, TableShape } from './dialect.ts'

export interface Table {
  has(column: string): boolean
  width(column: string): number | undefined
  /** For comparing it as it is. */
  exact(column: string): string
  /** It has a unique key of just these, and that keeps apart what differs. */
  keyed(columns: readonly string[]): boolean
}

export interface Layout {
  /** Throws `not_found` where it is missing, or lacks a column. */
  table(name: SqlTable): Promise<Table>
  /** Bytes that one statement may have. */
  room(): Promise<number>
  /** Looks again at the next use. */
  forget(): void
}

const COLUMNS: Readonly<Record<SqlTable, readonly string[]>> = {
  jids: ['jid', 'load'],
  salt_returns: ['fun', 'jid', 'return', 'id', 'success', 'full_ret', 'alter_time'],
  salt_events: ['id', 'tag', 'data', 'alter_time', 'master_id'],
}

/** Milliseconds: what `reactor returners create` adds is then used by processes that go on as they were. */
const KNOWN_FOR_MS = 5 * 60_000

export function createLayout(db: Database): Layout {
  const known = new Map<string, { since: number; found: Promise<unknown> }>()
  const once = <T>(name: string, look: () => Promise<T>): Promise<T> => {
    const last = known.get(name)
    if (last && Math.abs(systemClock.now() - last.since) < KNOWN_FOR_MS) return last.found as Promise<T>
    const found = look()
    const one = { since: systemClock.now(), found }
    known.set(name, one)
    found.catch(() => {
      if (known.get(name) === one) known.delete(name)
    })
    return found
  }
  return {
    table: name => once(name, async () => readTable(db, name, await db.dialect.shape(db.run, name))),
    room: () => once('room', () => db.dialect.room(db.run)),
    forget: () => known.clear(),
  }
}

function readTable(db: Database, name: SqlTable, shape: TableShape | undefined): Table {
  const cure = `run 'reactor returners create ${db.dialect.name}', or the SQL in the docs`
  if (!shape) throw new ReactorError('not_found', `${db.where} has no table '${name}': ${cure}`)
  const missing = COLUMNS[name].filter(column => !shape.columns.has(column))
  if (missing.length > 0)
    throw new ReactorError(
      'not_found',
      `the table '${name}' of ${db.where} has no column ${missing.join(', ')}: it is of another program; rename it, then ${cure}`,
    )
  const isExact = (column: string) => shape.columns.get(column)?.exact === true
  const table: Table = {
    has: column => shape.columns.has(column),
    width: column => shape.columns.get(column)?.width,
    exact: column => (isExact(column) ? column : db.dialect.exact(column)),
    keyed: columns => hasKey(shape, columns) && columns.every(isExact),
  }
  // Of digits alone: nothing to fold.
  if (name === 'jids' && !hasKey(shape, ['jid']))
    throw new ReactorError('not_found', `the table 'jids' of ${db.where} has no unique key on 'jid': ${cure}`)
  return table
}

export const hasKey = ({ indexes }: TableShape, columns: readonly string[]): boolean =>
  indexes.some(
    one => one.unique && one.columns.length === columns.length && columns.every(c => one.columns.includes(c)),
  )

export const hasIndex = ({ indexes }: TableShape, column: string): boolean =>
  indexes.some(one => one.columns[0] === column)
