// Making the tables of an SQL returner, and bringing those of before up to what it wants: while others go on writing to them.
import type { Database, Dialect, Run, SqlTable } from './dialect.ts'
import { hasIndex, hasKey } from './layout.ts'

/** For each statement: a large table takes its time. */
export const CREATE_WITHIN_MS = 24 * 3_600_000
/** Others may write what is there already between the removal of doubles and the key that keeps them out. */
const TRIES = 10

/** What a table must have to be written to by several processes, and to be read without a look at every row. */
const WANTED: Readonly<
  Record<SqlTable, { key: readonly string[]; order: string; indexed: readonly string[]; exact: readonly string[] }>
> = {
  jids: { key: ['jid'], order: 'LENGTH("load")', indexed: [], exact: ['jid'] },
  salt_returns: { key: ['jid', 'id'], order: 'alter_time', indexed: ['jid', 'id', 'fun'], exact: ['fun', 'jid', 'id'] },
  salt_events: { key: ['event_id'], order: 'id', indexed: ['alter_time'], exact: ['tag', 'event_id'] },
}
const ADDED = ['event_id', 'origin']

/**
 * Does what is left to do, says what it did, a sentence each (none: all is there), and closes the database. Throws what that
 * throws.
 */
export async function createTables(db: Database): Promise<string[]> {
  try {
    // Two of these at once would be in each other's way.
    return await db.transaction(run => createAll(db, run), { alone: true })
  } finally {
    await db.close()
  }
}

async function createAll(db: Database, run: Run): Promise<string[]> {
  const said: string[] = []
  for (const table of Object.keys(WANTED) as SqlTable[]) {
    if (await db.dialect.shape(run, table)) said.push(...(await mend(db, run, table)))
    else {
      for (const statement of db.dialect.schema[table]) await run(statement)
      said.push(`made the table ${table}`)
    }
  }
  return said
}

async function mend({ dialect }: Database, run: Run, table: SqlTable): Promise<string[]> {
  const { key, indexed, exact } = WANTED[table]
  const said: string[] = []
  const before = (await dialect.shape(run, table))!
  if (table === 'salt_events')
    for (const column of ADDED.filter(one => !before.columns.has(one))) {
      await run(`ALTER TABLE ${table} ADD COLUMN ${column} varchar(255) NULL`)
      said.push(`added the column ${column} to ${table}`)
    }
  const widened = dialect.exactColumns(table, exact, (await dialect.shape(run, table))!)
  for (const statement of widened) await run(statement)
  if (widened.length > 0) said.push(`changed columns of ${table}, so that names are kept whole and apart`)
  if (!hasKey(before, key)) {
    if (dialect.lockTable) await run(dialect.lockTable(table))
    const gone = await addKey(dialect, run, table)
    if (gone > 0) said.push(`removed ${gone} rows of ${table} that were there twice`)
    said.push(`added a unique key on ${key.join(' and ')} to ${table}`)
  }
  const now = (await dialect.shape(run, table))!
  for (const column of indexed.filter(one => !hasIndex(now, one))) {
    await run(`CREATE INDEX ${table}_${column}_index ON ${table} (${column})`)
    said.push(`added an index on ${column} to ${table}`)
  }
  return said
}

/** How many doubles went. */
async function addKey({ dropDoubles, judge }: Dialect, run: Run, table: SqlTable): Promise<number> {
  const { key, order } = WANTED[table]
  let gone = 0
  for (let tries = 1; ; tries++) {
    // A key that may be null is new, and names nothing yet.
    if (table !== 'salt_events') gone += await dropDoubles(run, table, key, order)
    try {
      await run(`CREATE UNIQUE INDEX ${table}_key ON ${table} (${key.join(', ')})`)
      return gone
    } catch (error) {
      if (judge(error) !== 'shape' || tries === TRIES) throw error
    }
  }
}
