// The words of the SQL returners: what a database is to them, and what differs from one kind to the next.

/** All that goes in is text: keys, and JSON in ASCII. */
export type SqlText = string | null
export type SqlRow = Record<string, SqlText>

export interface SqlResult {
  rows: SqlRow[]
  /** Rows that it inserted, changed or removed. */
  changed: number
}

/** Runs one statement in ANSI quotes; `?` stands for each value, and no value is ever part of the statement. */
export type Run = (sql: string, values?: readonly SqlText[]) => Promise<SqlResult>

export type SqlTable = 'jids' | 'salt_returns' | 'salt_events'

export interface SqlColumn {
  /** Characters that it takes; absent: no bound that counts. */
  width?: number
  /** Compared as it is: not folding case. */
  exact: boolean
}

/** A table as it stands in the database, whoever made it. */
export interface TableShape {
  columns: ReadonlyMap<string, SqlColumn>
  indexes: readonly { columns: readonly string[]; unique: boolean }[]
}

/**
 * What an error of the database means: `conflict`, that others were at the same rows, so once more; `shape`, that the tables are not
 * as they were; `refused`, that the record itself is the reason; `failed`, all else, which may work later.
 */
export type Verdict = 'conflict' | 'shape' | 'refused' | 'failed'

export interface Dialect {
  readonly name: 'mysql' | 'postgres' | 'sqlite'
  /** What makes each table, where it is not there. */
  readonly schema: Readonly<Record<SqlTable, readonly string[]>>
  /** After INSERT … VALUES …: a row of the same key takes the new values. */
  upsert(key: readonly string[], set: Readonly<Record<string, 'new' | 'now'>>): string
  /** After INSERT … VALUES …: a row of the same key stays, and is not counted as changed. */
  keepOld(key: readonly string[]): string
  /** A column that folds case, compared as it is. */
  exact(column: string): string
  /** `(?, ?), (?, ?)` behind IN. */
  list(tuples: string): string
  /** After SELECT: others wait for the end of the transaction. */
  readonly forUpdate: string
  /** A time as its columns take it. */
  time(ms: number): string
  /** Undefined: there is no such table. */
  shape(run: Run, table: SqlTable): Promise<TableShape | undefined>
  /** Bytes that one statement may have with its values. */
  room(run: Run): Promise<number>
  judge(error: unknown): Verdict
  /** For tables of before: statements that make these columns compare as they are, and take what they must. */
  exactColumns(table: SqlTable, columns: readonly string[], shape: TableShape): string[]
  /** Keeps others from writing to the table until the transaction has ended; absent: it cannot. */
  lockTable?(table: SqlTable): string
  /** Of rows with the same key the last in that order stays; how many went. */
  dropDoubles(run: Run, table: SqlTable, key: readonly string[], order: string): Promise<number>
}

export interface Database {
  readonly dialect: Dialect
  /** For messages: `the mysql database 'salt' at db1:3306`. */
  readonly where: string
  /** Milliseconds that a statement may take. */
  readonly timeoutMs: number
  /** A statement by itself. */
  readonly run: Run
  /** What it throws undoes it. `alone`: no other such transaction runs on this database meanwhile, of whatever process. */
  transaction<T>(work: (run: Run) => Promise<T>, options?: { alone?: boolean }): Promise<T>
  /** Once what is in hand has ended. */
  close(): Promise<void>
}
