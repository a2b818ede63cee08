// Removing what is old, in steps: so that others write meanwhile, and what was begun stays done.
import type { Database, SqlTable } from './dialect.ts'
import type { Layout } from './layout.ts'
import { marks } from './statements.ts'

/** Rows that one step looks at. */
const STEP = 1000

/** One step: how many jobs went, those of which only returns are there included; 0: all are gone. Milliseconds since the epoch. */
export async function cleanJobs(db: Database, layout: Layout, beforeMs: number): Promise<number> {
  await Promise.all([layout.table('jids'), layout.table('salt_returns')])
  const before = `${new Date(beforeMs).toISOString().replace(/\D/g, '')}000`
  const oldest = async (table: SqlTable) => {
    const { rows } = await db.run(`SELECT jid FROM ${table} WHERE jid < ? ORDER BY jid LIMIT ?`, [before, String(STEP)])
    return rows.map(({ jid }) => jid!)
  }
  const old = [...new Set([...(await oldest('salt_returns')), ...(await oldest('jids'))])].sort().slice(0, STEP)
  if (old.length === 0) return 0
  const these = `jid IN (${marks(old.length)})`
  // A job may have as many returns as there are minions.
  while ((await db.run(db.dialect.removeSome('salt_returns', these, STEP), old)).changed === STEP);
  await db.run(`DELETE FROM jids WHERE ${these}`, old)
  return old.length
}

/** One step: how many events went; 0: all are gone, or there is no table of them. */
export async function cleanEvents(db: Database, beforeMs: number): Promise<number> {
  if (!(await db.dialect.shape(db.run, 'salt_events'))) return 0
  const sql = 'SELECT id FROM salt_events WHERE alter_time < ? ORDER BY alter_time LIMIT ?'
  const { rows } = await db.run(sql, [db.dialect.time(beforeMs), String(STEP)])
  if (rows.length === 0) return 0
  const ids = rows.map(({ id }) => String(id))
  await db.run(`DELETE FROM salt_events WHERE id IN (${marks(ids.length)})`, ids)
  return ids.length
}
