// A PostgreSQL server for tests, with databases that nothing is in.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { type DatabaseServer, type Found, findProgram, startDatabase } from './database.ts'

const DEBIAN = '/usr/lib/postgresql'

/** Debian has each version in a folder of its own, which is not in PATH. */
function versions(): string[] {
  try {
    return readdirSync(DEBIAN)
      .sort((a, b) => Number(b) - Number(a))
      .map(version => join(DEBIAN, version, 'bin'))
  } catch {
    return []
  }
}
const server = findProgram('postgres', versions())
const installer = findProgram('initdb', versions())

export const hasPostgres: Found = {
  yes: server !== undefined && installer !== undefined,
  reason: "there is no PostgreSQL on this machine: install Debian's package postgresql",
}

export interface TestPostgres extends DatabaseServer {
  /** Those of a config, with the database `salt`, in which there is nothing. */
  readonly settings: Record<string, unknown>
  /** Settings with a database of its own. */
  fresh(): Promise<Record<string, unknown>>
  /** As an administrator, for what tests look at. */
  connect(database: unknown): Promise<pg.Client>
}

let serial = 0

export async function startPostgres(): Promise<TestPostgres> {
  const started = await startDatabase({
    user: 'postgres',
    install: (dir, as) =>
      as(installer!, ['-D', `${dir}/data`, '-U', 'salt', '-A', 'trust', '-E', 'UTF8', '--locale=C', '-N']),
    command: (dir, port) => ({
      file: server!,
      args: ['-D', `${dir}/data`, '-p', String(port), '-h', '127.0.0.1', '-k', dir],
    }),
    ready: /database system is ready to accept connections/,
    notYet: /still in use|lock file .* already exists/,
    // Fast: it does not wait for who is connected.
    ending: 'SIGINT',
  })
  const settingsOf = (database: string) => ({
    'postgres.host': '127.0.0.1',
    'postgres.port': started.port,
    'postgres.user': 'salt',
    'postgres.passwd': 'salt',
    'postgres.db': database,
  })
  const connect = async (database: unknown) => {
    const client = new pg.Client({ host: '127.0.0.1', port: started.port, user: 'salt', database: String(database) })
    // The server ends under it where a test wants that.
    client.on('error', () => undefined)
    await client.connect()
    return client
  }
  const createDatabase = async (name: string) => {
    const client = await connect('postgres')
    await client.query(`CREATE DATABASE ${name}`)
    await client.end()
  }
  await createDatabase('salt')
  return {
    ...started,
    settings: settingsOf('salt'),
    connect,
    async fresh() {
      const name = `test_${++serial}`
      await createDatabase(name)
      return settingsOf(name)
    },
  }
}
