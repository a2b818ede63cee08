// MySQL and MariaDB, through mysql2: prepared statements on a pool, in a session whose settings do not depend on the server's.
import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { createPool, type Pool, type PoolConnection, type PoolOptions, type ResultSetHeader } from 'mysql2/promise'
import { errorMessage, ReactorError } from '../../base/errors.ts'
import { type Connection, type Connections, createDatabase, MOST_CONNECTIONS } from './database.ts'
import type { Database, Run, SqlRow, SqlText } from './dialect.ts'
import { MYSQL } from './mysql-dialect.ts'
import type { MysqlOptions } from './settings.ts'

/** Statements that stay prepared on a connection: batches of each size are one, and the server has a limit for all its clients. */
const PREPARED = 50

/** Strict: what does not fit is refused, never cut. Committed: writers of other rows do not wait for each other's gaps. */
const session = (timeoutMs: number): string[] => [
  "SET SESSION sql_mode = 'STRICT_ALL_TABLES,ANSI_QUOTES,NO_ENGINE_SUBSTITUTION', SESSION time_zone = '+00:00'",
  'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED',
  // What nobody waits for any more does not wait for a lock either.
  `SET SESSION innodb_lock_wait_timeout = ${Math.ceil(timeoutMs / 1000) + 1}, SESSION lock_wait_timeout = ${Math.ceil(timeoutMs / 1000) + 1}`,
]

/** A lock is the whole server's: this one is named by the database. */
const LOCK = "CONCAT('reactor.', MD5(DATABASE()))"
/** Not the same: writers need not wait for who changes the tables. */
const CHANGING = "CONCAT('reactor.tables.', MD5(DATABASE()))"
/** Seconds that a change waits for those who are at the table: all who come after it wait with it. */
const PATIENCE = 3

/** `statementMs`: for a statement. Throws `bad_config` on a certificate that cannot be read, and on TLS with a server without a name. */
export async function openMysql(options: MysqlOptions, statementMs = options.timeout): Promise<Database> {
  const { host, port, user, pass, db, timeout } = options
  const ssl = await tls(options)
  const pool = createPool({
    ...{ host, port, user, password: pass, database: db, connectTimeout: timeout },
    ...{ connectionLimit: MOST_CONNECTIONS, maxPreparedStatements: PREPARED },
    // Rows that are counted are those that changed. All values come as texts.
    ...{
      flags: ['-FOUND_ROWS'],
      dateStrings: true,
      supportBigNumbers: true,
      bigNumberStrings: true,
      jsonStrings: true,
    },
    ...(ssl ? { ssl } : {}),
  })
  const connections: Connections = {
    take: () => take(pool, statementMs),
    begin: 'START TRANSACTION',
    limited,
    alone: {
      before: (run, timeoutMs) =>
        lock(run, LOCK, timeoutMs, 'another process has been writing to tables without a unique key all the while'),
      async after(run) {
        await run(`SELECT RELEASE_LOCK(${LOCK})`)
      },
    },
    changing: {
      async begin(run, timeoutMs) {
        await lock(run, CHANGING, timeoutMs, 'another process has been changing the tables all the while')
        await run(`SET SESSION lock_wait_timeout = ${PATIENCE}, SESSION innodb_lock_wait_timeout = ${PATIENCE}`)
      },
      async end(run) {
        await run(`SELECT RELEASE_LOCK(${CHANGING})`)
      },
    },
    close: () => pool.end(),
  }
  return createDatabase({
    connections,
    dialect: MYSQL,
    where: `the mysql database '${db}' at ${host}:${port}`,
    connectMs: timeout,
    timeoutMs: statementMs,
  })
}

async function lock(run: Run, name: string, timeoutMs: number, otherwise: string): Promise<void> {
  const seconds = String(Math.max(1, Math.floor((timeoutMs / 1000) * 0.9)))
  const { rows } = await run(`SELECT GET_LOCK(${name}, CAST(? AS UNSIGNED)) AS got`, [seconds])
  if (String(rows[0]?.got) !== '1') throw new ReactorError('timeout', otherwise)
}

/** MariaDB has its own words for it, which are a comment to MySQL; and the other way round. */
const limited = (select: string, ms: number): string =>
  `/*M!100100 SET STATEMENT max_statement_time = ${ms / 1000} FOR */ ${select.replace(/^SELECT/, `SELECT /*+ MAX_EXECUTION_TIME(${ms}) */`)}`

const ready = new WeakSet<object>()

async function take(pool: Pool, timeoutMs: number): Promise<Connection> {
  const connection = await pool.getConnection()
  const run = runOn(connection)
  try {
    if (!ready.has(connection.connection)) {
      for (const statement of session(timeoutMs)) await connection.query(statement)
      ready.add(connection.connection)
    }
  } catch (error) {
    connection.destroy()
    throw error
  }
  return { run, release: broken => (broken ? connection.destroy() : connection.release()) }
}

const runOn =
  (connection: PoolConnection): Run =>
  async (sql, values = []) => {
    const [result] =
      values.length > 0 ? await connection.execute(sql, values as SqlText[]) : await connection.query(sql)
    if (Array.isArray(result)) return { rows: result as SqlRow[], changed: 0 }
    return { rows: [], changed: (result as ResultSetHeader).affectedRows }
  }

async function tls({ host, ssl_ca, ssl_cert, ssl_key }: MysqlOptions): Promise<PoolOptions['ssl']> {
  if (ssl_ca === undefined && ssl_cert === undefined && ssl_key === undefined) return undefined
  if (ssl_ca === undefined)
    throw new ReactorError(
      'bad_config',
      "'mysql.ssl_cert' and 'mysql.ssl_key' are for TLS, which wants 'mysql.ssl_ca' too",
    )
  // mysql2 would compare the certificate with `localhost`.
  if (isIP(host))
    throw new ReactorError(
      'bad_config',
      `'mysql.host' is the address ${host}: with TLS it has to be a name that the server's certificate is for`,
    )
  const read = (file: string) =>
    readFile(file, 'utf8').catch(error => {
      throw new ReactorError('bad_config', `a certificate of mysql cannot be read: ${errorMessage(error)}`, {}, error)
    })
  return {
    ca: await read(ssl_ca),
    ...(ssl_cert === undefined ? {} : { cert: await read(ssl_cert) }),
    ...(ssl_key === undefined ? {} : { key: await read(ssl_key) }),
    rejectUnauthorized: true,
    verifyIdentity: true,
  }
}
