// Queues in two tables of a SQL database. What is given out stays in its row, under the lease of who has it: `due` says from when
// on it may be given out, be it delayed, or taken by somebody who may have died.
import { randomUUID } from 'node:crypto'
import type { QueueBackendName } from '../protocol/queue.ts'
import type { Trace } from '../protocol/trace.ts'
import type { Run, SqlText } from '../returner/sql/dialect.ts'
import type { Lease, QueueBackend, QueueSettings } from './backend.ts'

export interface QueueDatabase {
  readonly name: QueueBackendName
  /** What it throws undoes it. Both make the tables where they are missing. */
  transaction<T>(work: (run: Run) => Promise<T>): Promise<T>
  run: Run
  /** Milliseconds since the epoch, by the clock that all who share the tables have. */
  readonly now: string
  /** After SELECT: rows that another transaction has in hand are passed over. */
  readonly skipLocked: string
  close(): Promise<void>
}

/** Of one statement: every row has six values or fewer. */
const ROWS = 500

/** `id` counts up. An item is unique among those that live, and among the dead. */
export const queueTables = (id: string): string[] => [
  'CREATE TABLE IF NOT EXISTS queue_names (name varchar(100) NOT NULL PRIMARY KEY)',
  `CREATE TABLE IF NOT EXISTS queue_items (
    id ${id},
    queue varchar(100) NOT NULL,
    key varchar(64) NOT NULL,
    uid varchar(64) NOT NULL,
    item text NOT NULL,
    tries bigint NOT NULL DEFAULT 0,
    due bigint NOT NULL,
    lease varchar(64),
    dead smallint NOT NULL DEFAULT 0
  )`,
  'CREATE UNIQUE INDEX IF NOT EXISTS queue_items_key ON queue_items (queue, key, dead)',
  'CREATE INDEX IF NOT EXISTS queue_items_next ON queue_items (queue, dead, id)',
]

/** What tables of before lack: what had an item inserted, and when; and how what is given out is counted. `ADD COLUMN` is `add`. */
export const queueColumns = (add: string): string[] => [
  `ALTER TABLE queue_items ${add} trace text`,
  `ALTER TABLE queue_items ${add} inserted bigint`,
  'CREATE INDEX IF NOT EXISTS queue_items_leased ON queue_items (queue, due) WHERE lease IS NOT NULL',
]

export function createSqlQueues(db: QueueDatabase, { leaseMs, tries }: QueueSettings): QueueBackend {
  const { now } = db
  const after = `${now} + CAST(? AS BIGINT)`
  const held = (leases: readonly Lease[]): { where: string; values: string[] } => {
    const ids = leases.map(({ id }) => id.split(' '))
    const tokens = [...new Set(ids.map(([, token]) => token!))]
    return {
      where: `id IN (${marks(ids)}) AND lease IN (${marks(tokens)})`,
      values: [...ids.map(([id]) => id!), ...tokens],
    }
  }
  const inParts = async <T>(all: readonly T[], work: (part: T[], run: Run) => Promise<unknown>) => {
    if (all.length === 0) return
    await db.transaction(async run => {
      for (const part of parts(all)) await work(part, run)
    })
  }

  /** Those given out too often are buried; returns the others, and how many there were of both. */
  const giveOut = async (run: Run, queue: string, most: number): Promise<{ found: number; leases: Lease[] }> => {
    const { rows } = await run(
      `SELECT id, key, uid, item, tries, trace FROM queue_items WHERE queue = ? AND dead = 0 AND due <= ${now} ORDER BY id LIMIT ${most} ${db.skipLocked}`,
      [queue],
    )
    const spent = rows.filter(row => Number(row.tries) >= tries)
    const fresh = rows.filter(row => Number(row.tries) < tries)
    for (const { id, key } of spent) {
      await run('DELETE FROM queue_items WHERE queue = ? AND key = ? AND dead = 1', [queue, key!])
      await run('UPDATE queue_items SET dead = 1, lease = NULL WHERE id = ?', [String(id)])
    }
    if (fresh.length === 0) return { found: rows.length, leases: [] }
    const token = randomUUID()
    await run(`UPDATE queue_items SET tries = tries + 1, lease = ?, due = ${after} WHERE id IN (${marks(fresh)})`, [
      token,
      String(leaseMs),
      ...fresh.map(({ id }) => String(id)),
    ])
    const leases = fresh.map(row => ({
      id: `${row.id} ${token}`,
      uid: row.uid!,
      key: row.key!,
      item: JSON.parse(row.item!) as unknown,
      ...(row.trace ? { trace: JSON.parse(row.trace) as Trace } : {}),
      tries: Number(row.tries) + 1,
    }))
    return { found: rows.length, leases }
  }

  return {
    name: db.name,
    leaseMs,
    insert: (queue, entries, delayMs = 0) =>
      db.transaction(async run => {
        const stored = new Set<string>()
        await run('INSERT INTO queue_names (name) VALUES (?) ON CONFLICT (name) DO NOTHING', [queue])
        for (const part of parts(entries)) {
          const { rows } = await run(
            `INSERT INTO queue_items (queue, key, uid, item, trace, due, inserted) VALUES ${part.map(() => `(?, ?, ?, ?, ?, ${after}, ${now})`).join(', ')} ON CONFLICT (queue, key, dead) DO NOTHING RETURNING uid`,
            part.flatMap(({ key, uid, text, trace }): SqlText[] => [
              ...[queue, key, uid, text],
              trace ? JSON.stringify(trace) : null,
              String(delayMs),
            ]),
          )
          for (const { uid } of rows) stored.add(uid!)
        }
        return new Set(entries.filter(({ uid }) => !stored.has(uid)).map(({ key }) => key))
      }),
    delete: (queue, keys) =>
      inParts(keys, (part, run) =>
        run(`DELETE FROM queue_items WHERE queue = ? AND key IN (${marks(part)})`, [queue, ...part]),
      ),
    async queues() {
      const { rows } = await db.run('SELECT name FROM queue_names ORDER BY name')
      return rows.map(({ name }) => name!)
    },
    async length(queue) {
      const { rows } = await db.run('SELECT count(*) AS n FROM queue_items WHERE queue = ? AND dead = 0', [queue])
      return Number(rows[0]!.n)
    },
    async counts(queue) {
      const { rows } = await db.run(
        `SELECT (SELECT count(*) FROM queue_items WHERE queue = ? AND dead = 0) AS lives,
          (SELECT count(*) FROM queue_items WHERE queue = ? AND lease IS NOT NULL AND due > ${now}) AS leased,
          (SELECT count(*) FROM queue_items WHERE queue = ? AND dead = 1) AS dead,
          (SELECT ${now} - coalesce(inserted, due) FROM queue_items WHERE queue = ? AND dead = 0 ORDER BY id LIMIT 1) AS age`,
        [queue, queue, queue, queue],
      )
      const { lives, leased, dead, age } = rows[0]!
      return {
        waiting: Number(lives) - Number(leased),
        leased: Number(leased),
        dead: Number(dead),
        oldestMs: age === null ? undefined : Math.max(0, Number(age)),
      }
    },
    async items(queue, most) {
      const { rows } = await db.run(
        `SELECT item FROM queue_items WHERE queue = ? AND dead = 0 ORDER BY id LIMIT ${most}`,
        [queue],
      )
      return rows.map(({ item }) => JSON.parse(item!))
    },
    async lease(queue, most) {
      for (;;) {
        const { found, leases } = await db.transaction(run => giveOut(run, queue, Math.min(most, ROWS)))
        if (leases.length > 0 || found === 0) return leases
      }
    },
    async ack(_queue, leases) {
      const removed = new Set<string>()
      await inParts(leases, async (part, run) => {
        const { where, values } = held(part)
        const { rows } = await run(`DELETE FROM queue_items WHERE ${where} RETURNING id`, values)
        for (const { id } of rows) removed.add(String(id))
      })
      return leases.filter(({ id }) => removed.has(id.split(' ')[0]!))
    },
    nack: (_queue, leases, delayMs = 0) =>
      inParts(leases, (part, run) => {
        const { where, values } = held(part)
        return run(`UPDATE queue_items SET lease = NULL, due = ${after} WHERE ${where}`, [String(delayMs), ...values])
      }),
    extend: (_queue, leases) =>
      inParts(leases, (part, run) => {
        const { where, values } = held(part)
        return run(`UPDATE queue_items SET due = ${after} WHERE ${where}`, [String(leaseMs), ...values])
      }),
    async dead(queue, most) {
      const { rows } = await db.run(
        `SELECT item, tries FROM queue_items WHERE queue = ? AND dead = 1 ORDER BY id LIMIT ${most}`,
        [queue],
      )
      return rows.map(({ item, tries }) => ({ item: JSON.parse(item!), tries: Number(tries) }))
    },
    revive: (queue, keys) =>
      db.transaction(async run => {
        let revived = 0
        // What was inserted again meanwhile lives already.
        const sql = `UPDATE queue_items SET dead = 0, tries = 0, due = 0 WHERE queue = ? AND dead = 1 AND key NOT IN (SELECT key FROM queue_items WHERE queue = ? AND dead = 0)`
        if (keys === undefined) return (await run(sql, [queue, queue])).changed
        for (const part of parts(keys))
          revived += (await run(`${sql} AND key IN (${marks(part)})`, [queue, queue, ...part])).changed
        return revived
      }),
    close: () => db.close(),
  }
}

const marks = (values: readonly unknown[]): string => values.map(() => '?').join(', ')

const parts = <T>(all: readonly T[]): T[][] =>
  Array.from({ length: Math.ceil(all.length / ROWS) }, (_, n) => all.slice(n * ROWS, (n + 1) * ROWS))
