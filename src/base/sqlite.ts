// One SQLite file: opened with the settings that the project wants, its tables made and migrated, transactions, and the
// guards that libsql lacks (a boolean, or a map of named parameters, as a parameter ends the whole process; a text is cut
// at a NUL). Several processes of one machine may open the same file: who writes waits for the other.
import { chmodSync, closeSync, openSync } from 'node:fs'
import Database from 'libsql'
import { errorMessage, ReactorError } from './errors.ts'

/** Booleans go in as 0 and 1, maps and lists as JSON. */
export type SqlValue = string | number | null
export type SqlRow = Record<string, SqlValue>

export interface SqlStatement<Row = SqlRow> {
  /** How many rows it changed. */
  run(...values: SqlValue[]): number
  get(...values: SqlValue[]): Row | undefined
  all(...values: SqlValue[]): Row[]
}

export interface Sqlite {
  readonly file: string
  /** Prepare once, use often. `Row` is the shape that the caller knows its columns to have. */
  prepare<Row = SqlRow>(sql: string): SqlStatement<Row>
  /** Statements without parameters. */
  exec(sql: string): void
  /** Runs the work as one transaction that may write from its start; what it throws undoes it. Not to be nested. */
  transaction<T>(work: () => T): T
  /** May be called twice. */
  close(): void
}

export interface SqliteOptions {
  /**
   * SQL scripts, one a version of the tables, in order: a file at version n (`PRAGMA user_version`) gets those from n on.
   * Never change one that has been released; add another.
   */
  migrations: readonly string[]
  /** Milliseconds to wait for another process that writes; default 5000. The process stands still meanwhile. */
  busyMs?: number
  /** Bytes above which the write-ahead log is cut back once it is taken into the file; default 4 MiB. */
  walBytes?: number
}

const PRIVATE = 0o600

/**
 * Opens the file, or makes it; its folder must exist. Throws `unwritable` where that cannot be done, `unreadable` where
 * the file is damaged, is no SQLite file, or has tables of a newer version.
 */
export function openDatabase(file: string, options: SqliteOptions): Sqlite {
  let db: Database.Database
  try {
    // What is in it is for its owner alone; SQLite gives its log and index the mode of the file.
    if (file !== ':memory:') {
      closeSync(openSync(file, 'a', PRIVATE))
      chmodSync(file, PRIVATE)
    }
    db = new Database(file)
  } catch (error) {
    throw new ReactorError('unwritable', `${file} cannot be opened: ${errorMessage(error)}`, {}, error)
  }
  const sqlite = wrap(db, file)
  try {
    // Before all else: the other pragmas may have to wait too.
    db.pragma(`busy_timeout = ${options.busyMs ?? 5000}`)
    // Takes hold only before the first table is made: free pages can then be given back to the disk.
    db.pragma('auto_vacuum = incremental')
    db.pragma('journal_mode = wal')
    // With WAL a crash of the process loses nothing, a loss of power at most the last transactions, never the file.
    db.pragma('synchronous = normal')
    db.pragma(`journal_size_limit = ${options.walBytes ?? 4 * 1024 * 1024}`)
    sqlite.transaction(() => migrate(sqlite, options.migrations))
    return sqlite
  } catch (error) {
    sqlite.close()
    throw openingError(file, error)
  }
}

/** Result codes of SQLite by their names: `SQLITE_FULL`, `SQLITE_BUSY`, … Undefined for errors of other kinds. */
export function sqliteCode(error: unknown): string | undefined {
  if (!(error instanceof Database.SqliteError)) return undefined
  return (error as unknown as { code: string }).code
}

function wrap(db: Database.Database, file: string): Sqlite {
  return {
    file,
    prepare: <Row>(sql: string) => {
      const statement = db.prepare(sql)
      return {
        run: (...values) => statement.run(checked(values)).changes,
        get: (...values) => {
          const row = statement.get(checked(values)) as (Row & { _metadata?: unknown }) | undefined
          // libsql adds how long it took.
          if (row) delete row._metadata
          return row
        },
        all: (...values) => statement.all(checked(values)) as Row[],
      } satisfies SqlStatement<Row>
    },
    exec: sql => void db.exec(sql),
    transaction: work => {
      db.exec('BEGIN IMMEDIATE')
      try {
        const result = work()
        db.exec('COMMIT')
        return result
      } catch (error) {
        // A full disk may have ended the transaction already: that must not hide why.
        if (db.open && db.inTransaction) db.exec('ROLLBACK')
        throw error
      }
    },
    close: () => {
      if (db.open) db.close()
    },
  }
}

function checked(values: SqlValue[]): SqlValue[] {
  for (const value of values) {
    const type = typeof value
    if (type === 'string' ? !(value as string).includes('\0') : type === 'number' || value === null) continue
    throw new ReactorError(
      'internal',
      `${type === 'string' ? 'a text with a NUL' : type} cannot be a parameter of SQL: pass a text, a number or null`,
    )
  }
  return values
}

function migrate(db: Sqlite, migrations: readonly string[]): void {
  const version = db.prepare<{ user_version: number }>('PRAGMA user_version').get()?.user_version ?? 0
  if (version > migrations.length)
    throw new ReactorError(
      'unreadable',
      `${db.file} has tables of version ${version}; this program knows them up to ${migrations.length}: start the newer version, or move the file away to begin with an empty one`,
    )
  if (version === migrations.length) return
  for (const script of migrations.slice(version)) db.exec(script)
  db.exec(`PRAGMA user_version = ${migrations.length}`)
}

function openingError(file: string, error: unknown): ReactorError {
  if (error instanceof ReactorError) return error
  const code = sqliteCode(error) ?? ''
  if (/^SQLITE_(NOTADB|CORRUPT)/.test(code))
    return new ReactorError(
      'unreadable',
      `${file} is damaged or no SQLite file (${errorMessage(error)}): move it away, with ${file}-wal and ${file}-shm if they are there, to begin with an empty one`,
      {},
      error,
    )
  return new ReactorError('unwritable', `${file} cannot be opened: ${errorMessage(error)}`, {}, error)
}
