// Writing loads, returns and events, each once: by the unique keys of the tables, or where those made by hand have none, alone.
import type { Log } from '../../base/log.ts'
import type { JobLoad, StoredEvent, StoredReturn } from '../../protocol/returned.ts'
import type { Database, Run } from './dialect.ts'
import type { Layout, Table } from './layout.ts'
import { insertRows, marks, partsOf, sizeOf, tuples } from './statements.ts'
import { asciiJson, nameText, readMap, shortName } from './text.ts'

const RETURN_KEY = ['jid', 'id'] as const
const JIDS = { table: 'jids', columns: ['jid', 'load'] } as const

/** The last of each key, in the order of keys: who writes the same rows takes them in the same order. */
function lastByKey<T>(all: readonly T[], key: (one: T) => string): T[] {
  const byKey = new Map(all.map(one => [key(one), one]))
  return [...byKey].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one)
}

export async function saveLoads(db: Database, layout: Layout, loads: readonly JobLoad[]): Promise<void> {
  await layout.table('jids')
  const room = await layout.room()
  const last = lastByKey(loads, ({ jid }) => jid)
  const rows = last.map(load => [nameText(load.jid), asciiJson(load)])
  const tail = db.dialect.keepOld(['jid'])
  if ((await insertRows(db.run, { ...JIDS, rows, tail, room })) === rows.length) return
  // Salt's table has no column for the time at which a job ended: it is in the load, and stays there.
  const change = (load: JobLoad) => (before: Load | undefined) => {
    const endtime = before?.endtime
    return endtime === undefined ? load : { ...load, endtime }
  }
  await changeLoads(db, room, new Map(last.map(load => [nameText(load.jid), change(load)])))
}

export async function updateEndtimes(
  db: Database,
  layout: Layout,
  ends: readonly { jid: string; endtime: string }[],
): Promise<void> {
  await layout.table('jids')
  const change =
    ({ endtime }: { endtime: string }) =>
    (before: Load | undefined) =>
      before && { ...before, endtime }
  await changeLoads(db, await layout.room(), new Map(ends.map(end => [nameText(end.jid), change(end)])))
}

/** Undefined, as what was there: it is no map; as what comes there: it stays. */
type Load = Readonly<Record<string, unknown>>
type Change = (before: Load | undefined) => object | undefined

/** Changes those that are there. */
async function changeLoads(db: Database, room: number, changes: ReadonlyMap<string, Change>): Promise<void> {
  const tail = db.dialect.upsert(['jid'], { load: 'new' })
  for (const jids of partsOf([...changes.keys()].sort())) {
    await db.transaction(async run => {
      const sql = `SELECT jid, "load" FROM jids WHERE jid IN (${marks(jids.length)}) ORDER BY jid ${db.dialect.forUpdate}`
      const { rows } = await run(sql, jids)
      const changed = rows.flatMap(({ jid, load }) => {
        const after = changes.get(jid!)?.(readMap(load))
        return after ? [[jid!, asciiJson(after)]] : []
      })
      await insertRows(run, { ...JIDS, rows: changed, tail, room })
    })
  }
}

const RETURNS = { table: 'salt_returns', columns: ['fun', 'jid', 'return', 'id', 'success', 'full_ret'] } as const

/** A return whose value no column or statement has room for is kept without the value. */
export async function saveReturns(
  db: Database,
  layout: Layout,
  returns: readonly StoredReturn[],
  log: Log,
): Promise<void> {
  const table = await layout.table('salt_returns')
  const room = await layout.room()
  const rowOf = (one: StoredReturn) => [
    shortName(one.fun, table.width('fun')),
    nameText(one.jid),
    asciiJson(one.return),
    nameText(one.id),
    db.dialect.success(one.success),
    asciiJson(one),
  ]
  const widest = (column: 'return' | 'full_ret') => table.width(column) ?? Number.POSITIVE_INFINITY
  const fits = (row: readonly string[]) =>
    sizeOf(row) <= room && row[2]!.length <= widest('return') && row[5]!.length <= widest('full_ret')
  const rows = lastByKey(returns, ({ jid, id }) => `${jid}/${id}`).map(one => {
    const row = rowOf(one)
    if (fits(row)) return row
    const bytes = asciiJson(one.return).length
    const what = { jid: one.jid, minion: one.id, bytes, where: db.where }
    log.warn(what, 'a return is larger than the database takes: it is kept without its value')
    const note = `${bytes} bytes, more than the database takes; as long as the job cache has it: reactor jobs show ${one.jid}`
    return rowOf({ ...one, return: { _left_out: note } })
  })
  if (table.keyed(RETURN_KEY)) {
    const set = { fun: 'new', return: 'new', success: 'new', full_ret: 'new', alter_time: 'now' } as const
    await insertRows(db.run, { ...RETURNS, rows, tail: db.dialect.upsert(RETURN_KEY, set), room })
    return
  }
  for (const part of partsOf(rows))
    await db.transaction(
      async run => {
        await removeReturns(
          db,
          table,
          run,
          part.map(row => [row[1]!, row[3]!] as const),
        )
        await insertRows(run, { ...RETURNS, rows: part, room })
      },
      { alone: true },
    )
}

async function removeReturns(db: Database, table: Table, run: Run, keys: (readonly [jid: string, id: string])[]) {
  const jids = [...new Set(keys.map(([jid]) => jid))]
  // The index on jid finds them; the rest tells them apart.
  await run(
    `DELETE FROM salt_returns WHERE jid IN (${marks(jids.length)}) AND (jid, ${table.exact('id')}) IN (${db.dialect.list(tuples(keys.length, 2))})`,
    [...jids, ...keys.flat()],
  )
}

/** `master`: who writes them. */
export async function saveEvents(
  db: Database,
  layout: Layout,
  events: readonly StoredEvent[],
  master: string,
): Promise<void> {
  const table = await layout.table('salt_events')
  const room = await layout.room()
  // Salt's own table has no room for what names an event: there one that comes again is there twice.
  const keyed = table.keyed(['event_id']) && table.has('origin')
  const columns = ['tag', 'data', 'master_id', ...(keyed ? ['event_id', 'origin'] : [])]
  const row = ({ id, tag, data, _stamp, origin }: StoredEvent) => [
    nameText(tag),
    asciiJson({ ...data, _stamp }),
    nameText(master),
    ...(keyed ? [nameText(id), nameText(origin)] : []),
  ]
  const rows = (keyed ? lastByKey(events, ({ id }) => id) : events).map(row)
  const tail = keyed ? db.dialect.keepOld(['event_id']) : ''
  await insertRows(db.run, { table: 'salt_events', columns, rows, tail, room })
}
