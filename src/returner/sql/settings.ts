// The settings of the SQL returners, by Salt's names and with its defaults; and how a database is opened with them.
import { z } from 'zod'
import { parseDuration } from '../../base/duration.ts'
import { errorMessage } from '../../base/errors.ts'
import type { OptionsOf } from '../../functions/define-returner.ts'

const timeout = z
  .union([z.string(), z.number()])
  .transform((text, context) => {
    try {
      const ms = parseDuration(text)
      if (ms > 0) return ms
      context.addIssue({ code: 'custom', message: 'expected a duration above 0' })
    } catch (error) {
      context.addIssue({ code: 'custom', message: errorMessage(error) })
    }
    return z.NEVER
  })
  .prefault('10s')

const port = (usual: number) => z.int().min(1).max(65_535).default(usual).describe('port of the server')
const host = z.string().min(1).default('salt').describe('name or address of the server')
const user = z.string().min(1).default('salt').describe('who logs in')
const db = z.string().min(1).default('salt').describe('the database with the tables')
const answer = timeout.describe('how long a statement, or a connection, may take')

export const MYSQL_OPTIONS = {
  host,
  port: port(3306),
  user,
  pass: z.string().default('salt').describe('their password'),
  db,
  ssl_ca: z
    .string()
    .optional()
    .describe('file with the certificate of the authority that signed the server; with it TLS is used'),
  ssl_cert: z.string().optional().describe('file with a client certificate, where the server wants one'),
  ssl_key: z.string().optional().describe('file with its key'),
  timeout: answer,
}

export const POSTGRES_OPTIONS = {
  host,
  port: port(5432),
  user,
  passwd: z.string().optional().describe("their password; default 'salt'"),
  pass: z.string().optional().describe('the same, by the name that it has elsewhere'),
  db,
  timeout: answer,
}

export const SQLITE_OPTIONS = {
  database: z.string().min(1).describe('the file; it is made, with its tables, where it is not there'),
  timeout: timeout.describe('how long to wait for another process that writes'),
}

export type MysqlOptions = OptionsOf<typeof MYSQL_OPTIONS>
export type PostgresOptions = OptionsOf<typeof POSTGRES_OPTIONS>
export type SqliteOptions = OptionsOf<typeof SQLITE_OPTIONS>
