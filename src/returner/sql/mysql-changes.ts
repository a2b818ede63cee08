// Changing tables of MySQL and MariaDB while others write to them.
import type { Dialect, Run } from './dialect.ts'

/** The server cannot do it in place, or only with a lock. */
const NOT_ONLINE = new Set([1845, 1846])

async function online(run: Run, sql: string, how: string, holdingUp: () => void): Promise<void> {
  try {
    await run(`${sql}${how}`)
  } catch (error) {
    if (!NOT_ONLINE.has((error as { errno?: number }).errno ?? 0)) throw error
    holdingUp()
    await run(sql)
  }
}

export const mysqlChanges: Pick<Dialect, 'alter' | 'addIndex' | 'dropDoubles'> = {
  alter: (run, table, change, holdingUp) =>
    online(run, `ALTER TABLE ${table} ${change}`, ', ALGORITHM=INPLACE, LOCK=NONE', holdingUp),
  addIndex: (run, { table, name, columns, unique }, holdingUp) =>
    online(
      run,
      `CREATE ${unique ? 'UNIQUE ' : ''}INDEX ${name} ON ${table} (${columns.join(', ')})`,
      ' ALGORITHM=INPLACE LOCK=NONE',
      holdingUp,
    ),
  async dropDoubles(run, { table, columns, values, order }) {
    const same = columns.map(column => `${column} = ?`).join(' AND ')
    await run('START TRANSACTION')
    try {
      // Counted under a lock: of two that somebody replaces by one meanwhile, that one must not go.
      const { rows } = await run(`SELECT ${columns.join(', ')} FROM ${table} WHERE ${same} FOR UPDATE`, values)
      const doubles = rows.length - 1
      const sql = `DELETE FROM ${table} WHERE ${same} ORDER BY ${order} LIMIT ${doubles}`
      const gone = doubles > 0 ? (await run(sql, values)).changed : 0
      await run('COMMIT')
      return gone
    } catch (error) {
      await run('ROLLBACK')
      throw error
    }
  },
}
