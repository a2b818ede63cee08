// Queues in one SQLite file that the job workers of a machine share. Who finds another writing tries again, so that no process
// stands still for long.
import { setTimeout as delay } from 'node:timers/promises'
import { errorMessage, ReactorError } from '../base/errors.ts'
import { openKeptFile } from '../base/kept-file.ts'
import { type Log, silentLog } from '../base/log.ts'
import { openDatabase, type Sqlite, type SqlRow, sqliteCode } from '../base/sqlite.ts'
import { createTurns } from '../base/turns.ts'
import type { Run } from '../returner/sql/dialect.ts'
import type { QueueBackend, QueueSettings } from './backend.ts'
import { createSqlQueues, queueColumns, queueTables } from './sql.ts'

/** Never change what has been released; add another. */
const MIGRATIONS = [
  queueTables('INTEGER PRIMARY KEY AUTOINCREMENT').join(';\n'),
  queueColumns('ADD COLUMN').join(';\n'),
]
/** Milliseconds for which the process stands still before it tries again. */
const STANDS_MS = 20
/** Milliseconds after which it is given up. */
const BUSY_MS = 10_000
const OPEN_MS = 5000

/** Throws `unwritable`, `unreadable`. */
export async function openSqliteQueues(
  file: string,
  settings: QueueSettings,
  log: Log = silentLog,
): Promise<QueueBackend> {
  const open = () => {
    const opened = openDatabase(file, { migrations: MIGRATIONS, busyMs: OPEN_MS })
    // What was accepted is on the disk: a loss of power takes nothing back.
    opened.exec('PRAGMA synchronous = full')
    opened.exec(`PRAGMA busy_timeout = ${STANDS_MS}`)
    return { db: opened, run: runOn(opened) }
  }
  const kept = await openKeptFile(file, open, { what: 'the file of queues', log })
  const turn = createTurns(1)

  const begin = async (db: Sqlite) => {
    for (const until = Date.now() + BUSY_MS; ; ) {
      try {
        return db.exec('BEGIN IMMEDIATE')
      } catch (error) {
        if (!sqliteCode(error)?.startsWith('SQLITE_BUSY')) throw error
        if (Date.now() > until)
          throw new ReactorError('unreachable', `${file}: another process has been writing for ${BUSY_MS / 1000} s`)
        await delay(1 + Math.random() * STANDS_MS)
      }
    }
  }
  const alone = <T>(work: (opened: ReturnType<typeof open>) => Promise<T>): Promise<T> =>
    turn(async () => {
      try {
        return await work(kept.current())
      } catch (error) {
        throw problem(file, error)
      }
    })

  return createSqlQueues(
    {
      name: 'sqlite',
      now: "CAST((julianday('now') - 2440587.5) * 86400000 AS BIGINT)",
      // Who writes holds the whole file.
      skipLocked: '',
      run: (sql, values) => alone(({ run }) => run(sql, values)),
      transaction: work =>
        alone(async ({ db, run }) => {
          await begin(db)
          try {
            const result = await work(run)
            db.exec('COMMIT')
            return result
          } catch (error) {
            rollBack(db)
            throw error
          }
        }),
      close: async () => kept.close(),
    },
    settings,
  )
}

function runOn(db: Sqlite): Run {
  const prepared = new Map<string, ReturnType<typeof db.prepare<SqlRow>>>()
  return async (sql, values = []) => {
    let statement = prepared.get(sql)
    if (!statement) {
      if (prepared.size >= 100) prepared.clear()
      statement = db.prepare<SqlRow>(sql)
      prepared.set(sql, statement)
    }
    if (!/^SELECT|RETURNING/.test(sql)) return { rows: [], changed: statement.run(...values) }
    const rows = statement.all(...values) as Awaited<ReturnType<Run>>['rows']
    return { rows, changed: rows.length }
  }
}

function rollBack(db: Sqlite): void {
  try {
    db.exec('ROLLBACK')
  } catch {
    // A full disk may have ended the transaction already.
  }
}

function problem(file: string, error: unknown): ReactorError {
  if (error instanceof ReactorError) return error
  const code = sqliteCode(error) === 'SQLITE_FULL' ? 'store_refused' : 'unreachable'
  return new ReactorError(code, `the queues in ${file}: ${errorMessage(error)}`, {}, error)
}
