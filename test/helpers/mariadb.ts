// A MariaDB server for tests, with databases that nothing is in.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Connection, createConnection } from 'mysql2/promise'
import { type DatabaseServer, type Found, findProgram, startDatabase } from './database.ts'

const server = findProgram('mariadbd')
const installer = findProgram('mariadb-install-db')

export const hasMariadb: Found = {
  yes: server !== undefined && installer !== undefined,
  reason: "there is no MariaDB on this machine: install Debian's package mariadb-server",
}

export interface TestMariadb extends DatabaseServer {
  /** Those of a config, with the database `salt`, in which there is nothing. */
  readonly settings: Record<string, unknown>
  /** Settings with a database of its own. */
  fresh(): Promise<Record<string, unknown>>
  /** As an administrator, for what tests look at. */
  connect(database: unknown): Promise<Connection>
}

let serial = 0

export async function startMariadb(more: readonly string[] = []): Promise<TestMariadb> {
  const started = await startDatabase({
    user: 'mysql',
    async install(dir, as) {
      await as(installer!, [
        '--no-defaults',
        `--datadir=${dir}/data`,
        '--auth-root-authentication-method=normal',
        '--skip-test-db',
      ])
      const grants = "CREATE DATABASE IF NOT EXISTS salt; GRANT ALL ON *.* TO 'salt'@'127.0.0.1' IDENTIFIED BY 'salt';"
      await writeFile(join(dir, 'init.sql'), grants.replaceAll('; ', ';\n'))
    },
    command: (dir, port) => ({
      file: server!,
      args: [
        ...['--no-defaults', `--datadir=${dir}/data`, `--socket=${dir}/s`, `--pid-file=${dir}/pid`],
        // Of its own: a server that starts removes the temporary tables of others from a folder that they share.
        `--tmpdir=${dir}`,
        ...['--bind-address=127.0.0.1', `--port=${port}`, `--init-file=${dir}/init.sql`, '--skip-name-resolve'],
        ...['--innodb-buffer-pool-size=64M', '--innodb-flush-log-at-trx-commit=2', '--skip-log-bin', ...more],
      ],
    }),
    ready: /ready for connections/,
    ending: 'SIGTERM',
  })
  const settingsOf = (database: string) => ({
    'mysql.host': '127.0.0.1',
    'mysql.port': started.port,
    'mysql.user': 'salt',
    'mysql.pass': 'salt',
    'mysql.db': database,
  })
  const connect = (database: unknown) =>
    createConnection({
      ...{ host: '127.0.0.1', port: started.port, user: 'salt', password: 'salt', database: String(database) },
      multipleStatements: true,
    })
  return {
    ...started,
    settings: settingsOf('salt'),
    connect,
    async fresh() {
      const name = `test_${++serial}`
      const connection = await connect('salt')
      await connection.query(`CREATE DATABASE ${name}`)
      await connection.end()
      return settingsOf(name)
    },
  }
}
