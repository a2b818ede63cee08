// One SQLite file, opened and made at the first use: its work is done one after the other, and who finds another process writing
// tries again.
import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { makeFolder } from '../../base/folder.ts'
import { openDatabase, type Sqlite, type SqlStatement, sqliteCode } from '../../base/sqlite.ts'
import { createDatabase } from './database.ts'
import type { Database, Dialect, Run, SqlRow, Verdict } from './dialect.ts'
import { onConflict } from './on-conflict.ts'
import type { SqliteOptions } from './settings.ts'

/** Milliseconds for which the process stands still before it tries again. */
const BUSY_MS = 50
const OPEN_MS = 5000
/** Statements that stay prepared. */
const PREPARED = 200

const schema: Dialect['schema'] = {
  jids: [
    `CREATE TABLE IF NOT EXISTS jids (
      jid TEXT NOT NULL PRIMARY KEY,
      "load" TEXT NOT NULL
    )`,
  ],
  salt_returns: [
    `CREATE TABLE IF NOT EXISTS salt_returns (
      fun TEXT NOT NULL,
      jid TEXT NOT NULL,
      "return" TEXT NOT NULL,
      id TEXT NOT NULL,
      success TEXT NOT NULL,
      full_ret TEXT NOT NULL,
      alter_time TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
    )`,
    // Fails where they are another program's, before anything of them is changed.
    'SELECT salt_returns."return", salt_returns.full_ret, salt_returns.alter_time FROM salt_returns LIMIT 0',
    // Of a file that was made by hand.
    'DELETE FROM salt_returns WHERE rowid NOT IN (SELECT MAX(rowid) FROM salt_returns GROUP BY jid, id)',
    'CREATE UNIQUE INDEX IF NOT EXISTS salt_returns_key ON salt_returns (jid, id)',
    'CREATE INDEX IF NOT EXISTS salt_returns_id ON salt_returns (id)',
    'CREATE INDEX IF NOT EXISTS salt_returns_fun ON salt_returns (fun, id, jid)',
  ],
  salt_events: [
    `CREATE TABLE IF NOT EXISTS salt_events (
      id INTEGER PRIMARY KEY,
      tag TEXT NOT NULL,
      data TEXT NOT NULL,
      alter_time TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
      master_id TEXT NOT NULL,
      event_id TEXT UNIQUE,
      origin TEXT
    )`,
    'CREATE INDEX IF NOT EXISTS salt_events_tag ON salt_events (tag)',
    'CREATE INDEX IF NOT EXISTS salt_events_alter_time ON salt_events (alter_time)',
  ],
}

/** The tables as they are made and changed: never change what has been released. */
const MIGRATIONS = [Object.values(schema).flat().join(';\n')]

function judge(error: unknown): Verdict {
  const code = sqliteCode(error)
  if (code?.startsWith('SQLITE_BUSY')) return 'conflict'
  return code === 'SQLITE_TOOBIG' || code === 'SQLITE_CONSTRAINT_CHECK' ? 'refused' : 'failed'
}

export const SQLITE: Dialect = {
  name: 'sqlite',
  schema,
  ...onConflict,
  exact: column => column,
  list: tuples => `VALUES ${tuples}`,
  removeSome: (table, where, most) =>
    `DELETE FROM ${table} WHERE rowid IN (SELECT rowid FROM ${table} WHERE ${where} LIMIT ${most})`,
  // Who writes holds the whole file.
  forUpdate: '',
  time: ms => new Date(ms).toISOString().slice(0, 19).replace('T', ' '),
  judge,
  async shape(run, table) {
    const columns = await run('SELECT name FROM pragma_table_info(?)', [table])
    if (columns.rows.length === 0) return undefined
    const parts = await run(
      'SELECT l.name AS name, l."unique" AS alone, i.name AS part FROM pragma_index_list(?) l, pragma_index_info(l.name) i ORDER BY l.seq, i.seqno',
      [table],
    )
    const indexes = new Map<string, { columns: string[]; unique: boolean }>()
    for (const { name, alone, part } of parts.rows) {
      const index = indexes.get(name!) ?? { columns: [], unique: String(alone) === '1' }
      index.columns.push(part ?? '')
      indexes.set(name!, index)
    }
    return {
      columns: new Map(columns.rows.map(({ name }) => [name!, { exact: true }])),
      indexes: [...indexes.values()],
    }
  },
  room: async () => 256 * 1024 * 1024,
  success: yes => (yes ? '1' : '0'),
  nameType: 'TEXT',
  exactColumns: () => undefined,
  alter: async (run, table, change) => void (await run(`ALTER TABLE ${table} ${change}`)),
  addIndex: async (run, { table, name, columns, unique }) =>
    void (await run(`CREATE ${unique ? 'UNIQUE ' : ''}INDEX ${name} ON ${table} (${columns.join(', ')})`)),
  // The migrations did.
  dropDoubles: async () => 0,
}

export function openSqlite({ database, timeout }: SqliteOptions): Database {
  let opened: Sqlite | undefined
  let statements = new Map<string, SqlStatement<SqlRow>>()
  let last: Promise<unknown> = Promise.resolve()
  let writing = false

  async function open(): Promise<Sqlite> {
    // A file that was removed takes records that nobody ever sees: an empty one takes its place.
    if (opened && existsSync(database)) return opened
    opened?.close()
    opened = undefined
    await makeFolder(dirname(database))
    statements = new Map()
    // Another process may be making the tables right now: worth standing still for, once.
    opened = openDatabase(database, { migrations: MIGRATIONS, busyMs: Math.min(timeout, OPEN_MS) })
    opened.exec(`PRAGMA busy_timeout = ${BUSY_MS}`)
    return opened
  }

  const runOn =
    (db: Sqlite): Run =>
    async (sql, values = []) => {
      const reads = sql.startsWith('SELECT')
      if (values.length === 0 && !reads) {
        db.exec(sql)
        writing = sql.startsWith('BEGIN')
        return { rows: [], changed: 0 }
      }
      let statement = statements.get(sql)
      if (!statement) {
        if (statements.size >= PREPARED) statements.clear()
        statement = db.prepare<SqlRow>(sql)
        statements.set(sql, statement)
      }
      if (!reads) return { rows: [], changed: statement.run(...values) }
      return { rows: statement.all(...values), changed: 0 }
    }

  return createDatabase({
    connections: {
      async take() {
        let release: () => void = () => undefined
        const before = last
        last = new Promise<void>(resolve => {
          release = resolve
        })
        await before
        try {
          const db = await open()
          return {
            run: runOn(db),
            release(broken) {
              try {
                if (broken && writing) db.exec('ROLLBACK')
              } catch {
                // A full disk may have ended the transaction already.
              }
              writing = false
              release()
            },
          }
        } catch (error) {
          release()
          throw error
        }
      },
      begin: 'BEGIN IMMEDIATE',
      alone: {},
      // Each statement has the file to itself.
      changing: { begin: async () => undefined, end: async () => undefined },
      close: async () => opened?.close(),
    },
    dialect: SQLITE,
    where: `the sqlite file ${database}`,
    connectMs: timeout,
    timeoutMs: timeout,
  })
}
