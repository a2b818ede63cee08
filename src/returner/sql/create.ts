// Making the tables of an SQL returner, and bringing those of before up to what it wants: while others go on writing to them.
import { errorMessage, ReactorError } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import type { Database, Dialect, Run, SqlTable } from './dialect.ts'
import { hasIndex, hasKey } from './layout.ts'

/** For each statement: a large table takes its time. */
export const CREATE_WITHIN_MS = 24 * 3_600_000
/** Others may write what is there already between the removal of doubles and the key that keeps them out, or stay at a table. */
const TRIES = 20

/** What a table must have to be written to by several processes, and to be read without a look at every row. */
const WANTED: Readonly<
  Record<SqlTable, { key: readonly string[]; order: string; indexed: readonly string[]; exact: readonly string[] }>
> = {
  jids: { key: ['jid'], order: 'LENGTH("load")', indexed: [], exact: ['jid'] },
  salt_returns: { key: ['jid', 'id'], order: 'alter_time', indexed: ['jid', 'id', 'fun'], exact: ['fun', 'jid', 'id'] },
  salt_events: { key: ['event_id'], order: 'id', indexed: ['alter_time'], exact: ['tag', 'event_id'] },
}
const ADDED = ['event_id', 'origin']

/** Rows among which doubles are looked for at once. */
const PIECE = 2000

/**
 * Does what is left to do, says what it did, a sentence each (none: all is there), and closes the database. Each step stands by
 * itself: one that was stopped goes on where it was. Throws what the database throws.
 */
export async function createTables(db: Database, log: Log): Promise<string[]> {
  try {
    return await db.changeTables(async run => {
      const said: string[] = []
      for (const table of Object.keys(WANTED) as SqlTable[]) {
        if (await db.dialect.shape(run, table)) said.push(...(await mend(db.dialect, run, table, log)))
        else {
          for (const statement of db.dialect.schema[table]) await run(statement)
          said.push(`made the table ${table}`)
        }
      }
      return said
    })
  } finally {
    await db.close()
  }
}

async function mend(dialect: Dialect, run: Run, table: SqlTable, log: Log): Promise<string[]> {
  const { key, indexed, exact } = WANTED[table]
  const said: string[] = []
  const look = async () => (await dialect.shape(run, table))!
  const holdingUp = () => {
    log.warn(
      { table },
      'the server can change this table only while nobody writes to it: writers wait until it is done',
    )
    said.push(`the server let nobody write to ${table} while it changed it`)
  }
  const alter = (change: string) => patiently(dialect, table, () => dialect.alter(run, table, change, holdingUp))
  const addIndex = (name: string, columns: readonly string[], unique: boolean) =>
    patiently(dialect, table, () => dialect.addIndex(run, { table, name, columns, unique }, holdingUp))

  const before = await look()
  if (table === 'salt_events')
    for (const column of ADDED.filter(one => !before.columns.has(one))) {
      await alter(`ADD COLUMN ${column} ${dialect.nameType}`)
      said.push(`added the column ${column} to ${table}`)
    }
  const change = dialect.exactColumns(exact, await look())
  if (change !== undefined) {
    await alter(change)
    said.push(`changed columns of ${table}, so that names are kept whole and apart`)
  }
  const there = await look()
  for (const column of indexed.filter(one => !hasIndex(there, one))) {
    await addIndex(`${table}_${column}_index`, [column], false)
    said.push(`added an index on ${column} to ${table}`)
  }
  // After them: doubles are looked for by index.
  if (!hasKey(before, key)) {
    let gone = 0
    for (let tries = 1; ; tries++) {
      // A key that may be null is new, and names nothing yet.
      if (table !== 'salt_events') gone += await dropDoubles(dialect, run, table)
      try {
        await addIndex(`${table}_key`, key, true)
        break
      } catch (error) {
        if (dialect.judge(error) !== 'shape' || tries === TRIES) throw error
      }
    }
    if (gone > 0) said.push(`removed ${gone} rows of ${table} that were there twice`)
    said.push(`added a unique key on ${key.join(' and ')} to ${table}`)
  }
  return said
}

/** How many went. Looked for in pieces, which need no table on the server's disk. */
async function dropDoubles(dialect: Dialect, run: Run, table: SqlTable): Promise<number> {
  const { key, order } = WANTED[table]
  const [columns, first] = [key.join(', '), key[0]!]
  let gone = 0
  for (let after: string[] = []; ; ) {
    const rest = after.map(() => `${first} > ?`)
    const where = rest.length > 0 ? `WHERE ${rest}` : ''
    const end = await run(`SELECT ${first} FROM ${table} ${where} ORDER BY ${first} LIMIT 1 OFFSET ${PIECE}`, after)
    const last = end.rows.map(row => row[first]!)
    const piece = [...rest, ...last.map(() => `${first} <= ?`)].join(' AND ')
    const { rows } = await run(
      `SELECT ${columns} FROM ${table} ${piece && `WHERE ${piece}`} GROUP BY ${columns} HAVING COUNT(*) > 1`,
      [...after, ...last],
    )
    for (const row of rows) {
      const values = key.map(column => row[column]!)
      gone += await patiently(dialect, table, () => dialect.dropDoubles(run, { table, columns: key, values, order }))
    }
    if (last.length === 0) return gone
    after = last
  }
}

/** Once more where others were at the table for too long. */
async function patiently<T>({ judge }: Dialect, table: SqlTable, work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await work()
    } catch (error) {
      if (judge(error) !== 'conflict') throw error
      if (tries < TRIES) continue
      const message = `others were at the table ${table} each of ${TRIES} times that it was to be changed (${errorMessage(error)}): run it again when they are done`
      throw new ReactorError('timeout', message, {}, error)
    }
  }
}
