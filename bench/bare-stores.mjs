// Returns written by the client library of each store alone: the rows and keys that a returner leaves, in as few calls as the
// library has for a batch, without a look at what is there. Each gives `{write(returns), empty(), close()}`.
import { appendFile, rm } from 'node:fs/promises'
import Database from 'libsql'
import { createClient } from 'redis'

const COLUMNS = ['fun', 'jid', 'return', 'id', 'success', 'full_ret']
const rowOf = one => [one.fun, one.jid, JSON.stringify(one.return), one.id, '1', JSON.stringify(one)]
const TTL_MS = 24 * 3_600_000

export async function bareMysql(server) {
  const connection = await server.connect('salt')
  const tuple = `(${COLUMNS.map(() => '?')})`
  const insert = count => `INSERT INTO salt_returns (${COLUMNS.map(name => `\`${name}\``)}) VALUES ${Array(count).fill(tuple)}`
  return {
    write: returns => connection.execute(insert(returns.length), returns.flatMap(rowOf)),
    empty: () => connection.query('TRUNCATE salt_returns; TRUNCATE jids'),
    close: () => connection.end(),
  }
}

export async function barePostgres(server) {
  const client = await server.connect('salt')
  const tuple = (_, row) => `(${COLUMNS.map((_, column) => `$${row * COLUMNS.length + column + 1}`)})`
  const insert = count => `INSERT INTO salt_returns (${COLUMNS}) VALUES ${Array.from({ length: count }, tuple)}`
  return {
    // Named: the server reads it once.
    write: returns =>
      client.query({ name: `insert-${returns.length}`, text: insert(returns.length), values: returns.flatMap(rowOf) }),
    empty: () => client.query('TRUNCATE salt_returns, jids'),
    close: () => client.end(),
  }
}

export function bareSqlite(file) {
  const db = new Database(file)
  db.pragma('busy_timeout = 5000')
  db.pragma('synchronous = normal')
  const insert = db.prepare(`INSERT INTO salt_returns (${COLUMNS.map(name => `"${name}"`)}) VALUES (?, ?, ?, ?, ?, ?)`)
  return {
    async write(returns) {
      db.exec('BEGIN IMMEDIATE')
      for (const one of returns) insert.run(rowOf(one))
      db.exec('COMMIT')
    },
    empty: async () => db.exec('DELETE FROM salt_returns; DELETE FROM jids'),
    close: async () => db.close(),
  }
}

export async function bareRedis(server) {
  const client = createClient({ socket: { host: '127.0.0.1', port: server.port } })
  await client.connect()
  return {
    write(returns) {
      const jobs = new Map(returns.map(({ jid }) => [jid, []]))
      for (const one of returns) jobs.get(one.jid).push(one.id, JSON.stringify(one))
      // Pipelined: what is asked in one turn goes out together.
      return Promise.all([
        ...[...jobs].flatMap(([jid, texts]) => [client.hSet(`ret:${jid}`, texts), client.pExpire(`ret:${jid}`, TTL_MS)]),
        ...returns.map(({ id, fun, jid }) => client.set(`${id}:${fun}`, jid, { expiration: { type: 'PX', value: TTL_MS } })),
        client.sAdd('minions', returns.map(({ id }) => id)),
        client.zAdd('jids', [...jobs.keys()].map(value => ({ score: 0, value }))),
      ])
    },
    empty: () => client.flushAll(),
    close: async () => client.destroy(),
  }
}

export const bareFile = file => ({
  write: returns => appendFile(file, `${returns.map(one => JSON.stringify(one)).join('\n')}\n`),
  empty: () => rm(file, { force: true }),
  close: async () => undefined,
})
