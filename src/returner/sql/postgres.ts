// PostgreSQL, through pg: statements with parameters on a pool, all values as texts.
import { createHash } from 'node:crypto'
import pg from 'pg'
import { systemClock } from '../../base/clock.ts'
import { ReactorError } from '../../base/errors.ts'
import { type Connections, createDatabase, MOST_CONNECTIONS } from './database.ts'
import type { Database, Run, SqlText } from './dialect.ts'
import { POSTGRES } from './postgres-dialect.ts'
import type { PostgresOptions } from './settings.ts'
import { MOST_ROWS } from './statements.ts'

/** Any number: whoever takes this one knows of these tables. */
const LOCK = 'pg_advisory_xact_lock(7265983)'
/** Another one: writers need not wait for who changes the tables. */
const CHANGING = '7265984'
const AGAIN_MS = 200

/** `statementMs`: for a statement. Throws `bad_config` on two passwords. */
export function openPostgres(options: PostgresOptions, statementMs = options.timeout): Database {
  const { host, port, user, passwd, pass, db, timeout } = options
  if (passwd !== undefined && pass !== undefined)
    throw new ReactorError('bad_config', "'postgres.passwd' and 'postgres.pass' are the same setting: leave one out")
  const pool = new pg.Pool({
    ...{ host, port, user, password: passwd ?? pass ?? 'salt', database: db },
    ...{ max: MOST_CONNECTIONS, connectionTimeoutMillis: timeout, application_name: 'reactor' },
    // What nobody waits for any more does not go on; this comes after the client's own limit.
    onConnect: async client => void (await client.query(`SET statement_timeout = ${statementMs + 1000}`)),
    types: { getTypeParser: () => (text: string) => text },
  })
  // Of connections that nobody uses: the pool has let go of them, and the next use makes others.
  pool.on('error', () => undefined)
  pool.on('connect', client => client.on('error', () => undefined))
  const connections: Connections = {
    async take() {
      const client = await pool.connect()
      return { run: runOn(client), release: broken => client.release(broken) }
    },
    begin: 'BEGIN ISOLATION LEVEL READ COMMITTED',
    alone: {
      async within(run) {
        await run(`SELECT ${LOCK}`)
      },
    },
    changing: {
      async begin(run, timeoutMs) {
        const until = systemClock.now() + timeoutMs * 0.9
        // In a statement that waits there it would hold up the index that it waits for.
        while ((await run(`SELECT pg_try_advisory_lock(${CHANGING}) AS got`)).rows[0]?.got !== 't') {
          if (systemClock.now() > until)
            throw new ReactorError('timeout', 'another process has been changing the tables all the while')
          await systemClock.sleep(AGAIN_MS)
        }
      },
      async end(run) {
        await run(`SELECT pg_advisory_unlock(${CHANGING})`)
      },
    },
    close: () => pool.end(),
  }
  return createDatabase({
    connections,
    dialect: POSTGRES,
    where: `the postgres database '${db}' at ${host}:${port}`,
    connectMs: timeout,
    timeoutMs: statementMs,
  })
}

/** Of a full batch: those are few, and the server would parse thousands of marks anew each time. */
const isFull = (values: number): boolean => values > 0 && values % MOST_ROWS === 0
const nameOf = (text: string): string => `reactor-${createHash('sha256').update(text).digest('hex').slice(0, 16)}`

const runOn =
  (client: pg.PoolClient): Run =>
  async (sql, values = []) => {
    let mark = 0
    const text = sql.replace(/\?/g, () => `$${++mark}`)
    const name = isFull(values.length) ? nameOf(text) : undefined
    const { rows, rowCount } = await client.query({ text, values: values as SqlText[], ...(name ? { name } : {}) })
    return { rows, changed: rowCount ?? 0 }
  }
