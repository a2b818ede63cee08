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

export interface NewIndex {
  table: SqlTable
  name: string
  columns: readonly string[]
  unique: boolean
}

export interface Doubles {
  table: SqlTable
  columns: readonly string[]
  values: readonly string[]
  order: string
}

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
  /** A DELETE of so many rows at most. */
  removeSome(table: SqlTable, where: string, most: number): string
  /** After SELECT: others wait for the end of the transaction. */
  readonly forUpdate: string
  /** A time as its columns take it. */
  time(ms: number): string
  /** How Salt writes down that a function succeeded. */
  success(yes: boolean): string
  /** Undefined: there is no such table. */
  shape(run: Run, table: SqlTable): Promise<TableShape | undefined>
  /** Bytes that one statement may have with its values. */
  room(run: Run): Promise<number>
  judge(error: unknown): Verdict
  /** For tables of before: the change of the table that makes these columns compare as they are, and take what they must. */
  exactColumns(columns: readonly string[], shape: TableShape): string | undefined
  /** A column for names that older tables lack. */
  readonly nameType: string
  /** `ALTER TABLE` while others write. `holdingUp` is called before it, where the server can do it only while nobody writes. */
  alter(run: Run, table: SqlTable, change: string, holdingUp: () => void): Promise<void>
  /** Makes an index while others write; one of that name that was left unfinished is made again. */
  addIndex(run: Run, index: NewIndex, holdingUp: () => void): Promise<void>
  /** Of rows with these values in these columns the last in that order stays, also while others write; how many went. */
  dropDoubles(run: Run, doubles: Doubles): Promise<number>
}

export interface Database {
  readonly dialect: Dialect
  /** For messages: `the mysql database 'salt' at db1:3306`. */
  readonly where: string
  /** Milliseconds that a statement may take. */
  readonly timeoutMs: number
  /** A statement by itself. */
  readonly run: Run
  /** The same for one that reads: few at once, so that who writes finds a connection. An aborted signal ends it with its connection. */
  read(sql: string, values?: readonly SqlText[], signal?: AbortSignal): Promise<SqlResult>
  /** What it throws undoes it. `alone`: no other such transaction runs on this database meanwhile, of whatever process. */
  transaction<T>(work: (run: Run) => Promise<T>, options?: { alone?: boolean }): Promise<T>
  /** Statements each by itself, on one connection. Nobody else changes the tables meanwhile, of whatever process. */
  changeTables<T>(work: (run: Run) => Promise<T>): Promise<T>
  /** Once what is in hand has ended. */
  close(): Promise<void>
}
