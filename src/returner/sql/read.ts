// Reading loads and returns back from the tables; what others wrote there and is no JSON is passed over with a word in the log.
import type { Log } from '../../base/log.ts'
import type { JidsFilter, KnownLoad, ReadLimits } from '../../functions/define-returner.ts'
import type { StoredReturn } from '../../protocol/returned.ts'
import { END_BYTES, leftOut, planRead, type Sized } from '../bounded-read.ts'
import type { Database, SqlRow } from './dialect.ts'
import type { Layout } from './layout.ts'
import { marks, partsOf, tuples } from './statements.ts'
import { nameText, readMap, readName, shortName } from './text.ts'

const NEWEST = 10_000
/** Jobs of one step of a list, at most. */
const PAGE = 1000

const BYTES = 'OCTET_LENGTH(full_ret)'
const HEAD = `SUBSTR(full_ret, 1, ${END_BYTES})`
const TAIL = `SUBSTR(full_ret, LENGTH(full_ret) - ${END_BYTES - 1})`

export interface Reader {
  get_load(layout: Layout, jid: string): Promise<KnownLoad | undefined>
  get_jid(layout: Layout, jid: string, limits?: ReadLimits): Promise<Record<string, StoredReturn>>
  get_jid_minions(layout: Layout, jid: string): Promise<string[]>
  get_jids(layout: Layout): Promise<Record<string, KnownLoad>>
  get_jids_filter(layout: Layout, filter: JidsFilter): Promise<KnownLoad[]>
  get_fun(layout: Layout, fun: string): Promise<Record<string, StoredReturn>>
  get_minions(layout: Layout): Promise<string[]>
}

export function createReader(db: Database, log: Log): Reader {
  const read = <T>(text: string | null | undefined, what: Record<string, unknown>): T | undefined => {
    const value = readMap(text)
    if (value) return value as T
    log.warn({ ...what, where: db.where }, 'a row of the job cache holds no JSON map: it is passed over')
    return undefined
  }
  const loadOf = ({ jid, load }: SqlRow): KnownLoad | undefined => {
    const known = read<KnownLoad>(load, { table: 'jids', jid })
    return known && { ...known, jid: readName(jid!) }
  }

  /** By minion; where one is there twice, the newer. */
  const addTo = (found: Map<string, StoredReturn>, rows: readonly SqlRow[]): Map<string, StoredReturn> => {
    for (const { jid, full_ret } of rows) {
      const one = read<StoredReturn>(full_ret, { table: 'salt_returns', jid })
      const known = one && found.get(one.id)
      if (one && !(known && known._stamp > one._stamp)) found.set(one.id, one)
    }
    return found
  }

  const page = async (before: string | undefined, limit: number): Promise<SqlRow[]> => {
    const where = before === undefined ? '' : 'WHERE jid < ?'
    const values = before === undefined ? [] : [before]
    return (
      await db.read(`SELECT jid, "load" FROM jids ${where} ORDER BY jid DESC LIMIT ?`, [...values, String(limit)])
    ).rows
  }

  /** Newest first. */
  async function list(count: number, before: string | undefined, wanted: (load: KnownLoad) => boolean) {
    const found: KnownLoad[] = []
    for (let last = before; found.length < count; ) {
      const limit = Math.min(PAGE, 2 * (count - found.length) + 10)
      const rows = await page(last, limit)
      found.push(...rows.map(loadOf).filter((load): load is KnownLoad => load !== undefined && wanted(load)))
      if (rows.length < limit) break
      last = rows.at(-1)!.jid!
    }
    return found.slice(0, count)
  }

  return {
    async get_load(layout, jid) {
      await layout.table('jids')
      const [row] = (await db.read('SELECT jid, "load" FROM jids WHERE jid = ?', [nameText(jid)])).rows
      return row && loadOf(row)
    },
    async get_jid(layout, jid, { signal, ...limits } = {}) {
      const id = (await layout.table('salt_returns')).exact('id')
      const select = async (columns: string, only: readonly Sized[] = []) => {
        const some = only.length === 0 ? '' : `AND ${id} IN (${marks(only.length)})`
        const sql = `SELECT ${columns} FROM salt_returns WHERE jid = ? ${some}`
        return (await db.read(sql, [nameText(jid), ...only.map(one => one.id)], signal)).rows
      }
      const sizes = await select(`${id} AS id, ${BYTES} AS bytes`)
      const { whole, ends } = planRead(sumsOf(sizes), limits)
      const found = new Map<string, StoredReturn>()
      // Mostly all is one step.
      if (whole.length === 1 && ends.length === 0) addTo(found, await select('jid, full_ret'))
      else for (const step of whole) addTo(found, await select('jid, full_ret', step))
      for (const step of ends)
        for (const row of await select(`${id} AS id, ${BYTES} AS bytes, ${HEAD} AS head, ${TAIL} AS tail`, step)) {
          const name = readName(row.id!)
          found.set(name, leftOut(jid, { id: name, bytes: Number(row.bytes), head: row.head!, tail: row.tail! }))
        }
      return Object.fromEntries(found)
    },
    async get_jid_minions(layout, jid) {
      const table = await layout.table('salt_returns')
      const sql = `SELECT DISTINCT ${table.exact('id')} AS id FROM salt_returns WHERE jid = ?`
      return (await db.read(sql, [nameText(jid)])).rows.map(({ id }) => readName(id!))
    },
    async get_jids(layout) {
      await layout.table('jids')
      return Object.fromEntries((await list(NEWEST, undefined, () => true)).map(load => [load.jid, load]))
    },
    async get_jids_filter(layout, { count, before, filter_find_job = true }) {
      await layout.table('jids')
      return list(count, before && nameText(before), ({ fun }) => !filter_find_job || fun !== 'saltutil.find_job')
    },
    async get_fun(layout, fun) {
      const table = await layout.table('salt_returns')
      const [id, name] = [table.exact('id'), shortName(fun, table.width('fun'))]
      const newest = await db.read(
        `SELECT ${id} AS id, MAX(jid) AS jid FROM salt_returns WHERE fun = ? AND ${table.exact('fun')} = ? GROUP BY ${id}`,
        [name, name],
      )
      const rows: SqlRow[] = []
      for (const part of partsOf(newest.rows)) {
        const jids = [...new Set(part.map(({ jid }) => jid!))]
        const sql = `SELECT jid, full_ret FROM salt_returns WHERE jid IN (${marks(jids.length)}) AND ${table.exact('fun')} = ? AND (jid, ${id}) IN (${db.dialect.list(tuples(part.length, 2))})`
        rows.push(...(await db.read(sql, [...jids, name, ...part.flatMap(row => [row.jid!, row.id!])])).rows)
      }
      return Object.fromEntries(addTo(new Map(), rows))
    },
    async get_minions(layout) {
      const table = await layout.table('salt_returns')
      const { rows } = await db.read(`SELECT DISTINCT ${table.exact('id')} AS id FROM salt_returns`)
      return rows.map(({ id }) => readName(id!)).sort()
    },
  }
}

/** Tables made by hand may have several rows of a minion. */
function sumsOf(rows: readonly SqlRow[]): Sized[] {
  const sums = new Map<string, number>()
  for (const { id, bytes } of rows) sums.set(id!, (sums.get(id!) ?? 0) + Number(bytes))
  return [...sums].map(([id, bytes]) => ({ id, bytes }))
}
