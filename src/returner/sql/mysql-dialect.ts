// How MySQL and MariaDB differ: tables as Salt makes them, with unique keys and names that are compared as they are. All of it is SQL
// that both take: VALUES() of an upsert, say, is deprecated in MySQL, but MariaDB knows none of what is to replace it.
import type { Dialect, SqlColumn, TableShape, Verdict } from './dialect.ts'
import { mysqlChanges } from './mysql-changes.ts'
import { quoted } from './statements.ts'

const EXACT = 'CHARACTER SET utf8mb4 COLLATE utf8mb4_bin'
const SUITED = 'ENGINE=InnoDB DEFAULT CHARSET=utf8mb4'

/** What columns of names must at least take. */
const WIDTHS: Readonly<Record<string, number>> = { fun: 50, jid: 255, id: 255, event_id: 255 }

const schema: Dialect['schema'] = {
  jids: [
    `CREATE TABLE IF NOT EXISTS jids (
      jid varchar(255) ${EXACT} NOT NULL,
      "load" mediumtext NOT NULL,
      UNIQUE KEY jid (jid)
    ) ${SUITED}`,
  ],
  salt_returns: [
    `CREATE TABLE IF NOT EXISTS salt_returns (
      fun varchar(50) ${EXACT} NOT NULL,
      jid varchar(255) ${EXACT} NOT NULL,
      "return" mediumtext NOT NULL,
      id varchar(255) ${EXACT} NOT NULL,
      success varchar(10) NOT NULL,
      full_ret mediumtext NOT NULL,
      alter_time TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
      UNIQUE KEY jid_id (jid, id),
      KEY id (id),
      KEY fun (fun, id, jid)
    ) ${SUITED}`,
  ],
  salt_events: [
    `CREATE TABLE IF NOT EXISTS salt_events (
      id BIGINT NOT NULL AUTO_INCREMENT,
      tag varchar(3000) ${EXACT} NOT NULL,
      data mediumtext NOT NULL,
      alter_time TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
      master_id varchar(255) NOT NULL,
      event_id varchar(255) ${EXACT} NULL,
      origin varchar(255) NULL,
      PRIMARY KEY (id),
      UNIQUE KEY event_id (event_id),
      KEY tag (tag(255)),
      KEY alter_time (alter_time)
    ) ${SUITED}`,
  ],
}

/** Too long for a column, or for a packet; a character that a column cannot hold; a number out of range; a check that fails. */
const REFUSED = new Set([1153, 1264, 1366, 1406, 3140, 3819, 4025])
/** A deadlock; a row that changed; a lock that others held for too long. */
const CONFLICT = new Set([1020, 1205, 1213])
/** No such table, column; a key that is there twice. */
const SHAPE = new Set([1054, 1062, 1146])

export function judgeMysql(error: unknown): Verdict {
  const { errno } = error as { errno?: number }
  if (errno === undefined) return 'failed'
  if (CONFLICT.has(errno)) return 'conflict'
  if (SHAPE.has(errno)) return 'shape'
  return REFUSED.has(errno) ? 'refused' : 'failed'
}

export const MYSQL: Dialect = {
  name: 'mysql',
  schema,
  upsert: (_key, set) =>
    `ON DUPLICATE KEY UPDATE ${Object.entries(set)
      .map(([column, to]) => `${quoted(column)} = ${to === 'now' ? 'CURRENT_TIMESTAMP' : `VALUES(${quoted(column)})`}`)
      .join(', ')}`,
  keepOld: ([first]) => `ON DUPLICATE KEY UPDATE ${first} = ${first}`,
  exact: column => `CONVERT(${column} USING utf8mb4) COLLATE utf8mb4_bin`,
  list: tuples => tuples,
  removeSome: (table, where, most) => `DELETE FROM ${table} WHERE ${where} LIMIT ${most}`,
  forUpdate: 'FOR UPDATE',
  time: ms => new Date(ms).toISOString().slice(0, 19).replace('T', ' '),
  success: yes => (yes ? '1' : '0'),
  judge: judgeMysql,
  async shape(run, table) {
    const columns = await run(
      'SELECT COLUMN_NAME AS name, CHARACTER_MAXIMUM_LENGTH AS width, COLLATION_NAME AS collation_name FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?',
      [table],
    )
    if (columns.rows.length === 0) return undefined
    const parts = await run(
      'SELECT INDEX_NAME AS name, COLUMN_NAME AS part, NON_UNIQUE AS open, SUB_PART AS prefix FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? ORDER BY INDEX_NAME, SEQ_IN_INDEX',
      [table],
    )
    const indexes = new Map<string, { columns: string[]; unique: boolean }>()
    for (const { name, part, open, prefix } of parts.rows) {
      const index = indexes.get(name!) ?? { columns: [], unique: String(open) === '0' }
      // MySQL has indexes of expressions.
      index.columns.push(part ?? '')
      // Of the beginning of a column alone it does not tell all values apart.
      if (prefix !== null) index.unique = false
      indexes.set(name!, index)
    }
    const read = columns.rows.map(({ name, width, collation_name }): [string, SqlColumn] => [
      name!,
      {
        ...(width === null ? {} : { width: Number(width) }),
        exact: collation_name === null || String(collation_name).endsWith('_bin'),
      },
    ])
    return { columns: new Map(read), indexes: [...indexes.values()] } satisfies TableShape
  },
  async room(run) {
    const { rows } = await run('SELECT @@max_allowed_packet AS room')
    return Number(rows[0]!.room) - 64 * 1024
  },
  nameType: `varchar(255) ${EXACT} NULL`,
  exactColumns(columns, { columns: there }) {
    const wanting = columns.filter(column => {
      // A tag by hand has an index of all of it, which no longer one fits into.
      if (WIDTHS[column] === undefined) return false
      const { width = Number.POSITIVE_INFINITY, exact = true } = there.get(column) ?? {}
      return !exact || width < WIDTHS[column]
    })
    const change = (column: string) => {
      const width = Math.max(WIDTHS[column]!, there.get(column)?.width ?? 0)
      return `MODIFY ${column} varchar(${width}) ${EXACT} ${column === 'event_id' ? 'NULL' : 'NOT NULL'}`
    }
    return wanting.length === 0 ? undefined : wanting.map(change).join(', ')
  },
  ...mysqlChanges,
}
