// Changing tables of PostgreSQL while others write to them.
import type { Dialect, Run } from './dialect.ts'

/** One that a failed try leaves is not used, slows writers down, and has the name. */
async function dropUnfinished(run: Run, name: string): Promise<void> {
  const { rows } = await run('SELECT 1 FROM pg_index WHERE indexrelid = to_regclass(?) AND NOT indisvalid', [name])
  if (rows.length > 0) await run(`DROP INDEX CONCURRENTLY IF EXISTS ${name}`)
}

export const postgresChanges: Pick<Dialect, 'alter' | 'addIndex' | 'dropDoubles'> = {
  async alter(run, table, change) {
    // It takes a moment, but who waits for it while it waits for a reader must not wait for long.
    await run("SET lock_timeout = '2s'")
    try {
      await run(`ALTER TABLE ${table} ${change}`)
    } finally {
      await run('SET lock_timeout = 0')
    }
  },
  async addIndex(run, { table, name, columns, unique }) {
    await dropUnfinished(run, name)
    try {
      await run(`CREATE ${unique ? 'UNIQUE ' : ''}INDEX CONCURRENTLY ${name} ON ${table} (${columns.join(', ')})`)
    } catch (error) {
      await dropUnfinished(run, name)
      throw error
    }
  },
  async dropDoubles(run, { table, columns, values, order }) {
    const same = columns.map(column => `${column} = ?`).join(' AND ')
    // In one statement: a row that somebody replaces meanwhile is another one, and stays.
    const others = `SELECT ctid FROM ${table} WHERE ${same} ORDER BY ${order} DESC, ctid DESC OFFSET 1`
    return (await run(`DELETE FROM ${table} WHERE ctid = ANY(ARRAY(${others}))`, values)).changed
  },
}
