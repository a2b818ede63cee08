// What returners over SQL have to keep to beside the contract of all: tables made by hand, by the command and by the docs, several
// who write at once, and servers that fail.
import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { ReturnerDefinition, ReturnerStore } from '../../src/functions/define-returner.ts'
import { optionsOf } from '../../src/returner/options.ts'
import { keptLog } from '../helpers/core.ts'
import { createFor, eventOf, jidAt, loadOf, returnOf } from './returners.ts'

type Settings = Record<string, unknown>

/** MariaDB says what it said before to who asks more than ten times a second. */
const WAITING = { interval: 300 }

export interface SqlSubject {
  fresh(): Promise<Settings>
  /** As an administrator, with the settings' database; many statements at once. */
  query(settings: Settings, sql: string): Promise<Record<string, unknown>[]>
  /** Rows of returns that one statement of that work removed, at most. */
  mostRemoved(settings: Settings, work: () => Promise<void>): Promise<number>
  /** Does that in a transaction, which the answer ends. */
  begin(settings: Settings, sql: string): Promise<() => Promise<void>>
  /** A query whose rows are those who wait for others in that database. */
  waiting: string
  /** Takes the unique key of returns away, and makes an index of jids. */
  withoutKey: string
  /** A query of that many numbers, from 1, in the column `n`. */
  numbers(count: number): string
  /** Keeps others from reading and writing returns until the answer is called. */
  lock(settings: Settings): Promise<() => Promise<void>>
  /** Ends the server as a crash does, and starts it again. */
  kill(): Promise<void>
  start(): Promise<void>
}

/** `salt`: the tables as Salt has them made by hand. Names of columns in `query` are those of the dialect. */
export function sqlReturnerContract(
  name: string,
  definition: ReturnerDefinition,
  salt: string,
  subject: SqlSubject,
): void {
  const now = Date.now()
  const optionsFrom = (settings: Settings) => optionsOf(name, definition, settings)
  const create = (settings: Settings) => createFor(name, definition, settings)
  const open = async (settings: Settings) => {
    const kept = keptLog()
    const context = { log: kept.log, id: 'master1', profiles: { smtp: {}, http: {} }, open: () => Promise.reject() }
    const store = (await definition.open(optionsFrom(settings), context)) as Required<ReturnerStore>
    onTestFinished(() => store.close())
    return { store, lines: kept.lines }
  }
  const byHand = async () => {
    const settings = await subject.fresh()
    await subject.query(settings, salt)
    return settings
  }
  const madeByCommand = async () => {
    const settings = await subject.fresh()
    await create(settings)
    return settings
  }
  const count = async (settings: Settings, table: string) =>
    Number((await subject.query(settings, `SELECT COUNT(*) AS n FROM ${table}`))[0]!.n)

  describe(`the tables of ${name}`, () => {
    it('are made once, and told of', async () => {
      const settings = await subject.fresh()
      expect(await create(settings)).toEqual([
        'made the table jids',
        'made the table salt_returns',
        'made the table salt_events',
      ])
      expect(await create(settings)).toEqual([])
    })

    it('are those that the docs show', async () => {
      const settings = await subject.fresh()
      await subject.query(settings, await readFile(`deploy/sql/${name}.sql`, 'utf8'))
      expect(await create(settings)).toEqual([])
      const columns = async (one: Settings) => {
        const schema = name === 'mysql' ? 'DATABASE()' : 'current_schema()'
        return subject.query(
          one,
          `SELECT table_name, column_name, data_type, character_maximum_length, is_nullable, column_default, collation_name FROM information_schema.columns WHERE table_schema = ${schema} ORDER BY table_name, column_name`,
        )
      }
      expect(await columns(settings)).toEqual(await columns(await madeByCommand()))
    })

    it('that are missing are named with their cure, and used once they are there', async () => {
      const settings = await subject.fresh()
      const { store } = await open(settings)
      const jid = jidAt(now)
      await expect(store.returner([returnOf(jid, 'web1')])).rejects.toMatchObject({
        code: 'not_found',
        message: expect.stringMatching(`no table 'salt_returns': run 'reactor returners create ${name}'`),
      })
      await create(settings)
      await store.returner([returnOf(jid, 'web1')])
      expect(await store.get_jid(jid)).toEqual({ web1: returnOf(jid, 'web1') })
    })

    it('are changed while a process that knows the old ones writes on, however large they are', async () => {
      const settings = await byHand()
      const jid = jidAt(now)
      const full = JSON.stringify(returnOf('old', 'old'))
      const columns =
        name === 'mysql' ? 'fun, jid, `return`, id, success, full_ret' : 'fun, jid, return, id, success, full_ret'
      const fill = (suffix: string) =>
        `INSERT INTO salt_returns (${columns}) SELECT 'test.ping', CONCAT('20260101', n % 2000), 'true', CONCAT('m', n), '1', '${full}' FROM (${suffix}) AS numbers;`
      await subject.query(settings, fill(subject.numbers(200_000)) + fill(subject.numbers(1000)))
      const { store } = await open(settings)
      await store.returner([returnOf(jid, 'before')])
      let [created, during] = [false, 0]
      const creating = create(settings).finally(() => {
        created = true
      })
      // Looked at below, once the writing has ended.
      creating.catch(() => undefined)
      for (let n = 0; !created; n++) {
        // Anew, and again what is there.
        await store.returner([returnOf(jid, `m${n}`)])
        await store.returner([returnOf(jid, 'before', { return: n })])
        if (!created) during = n + 1
      }
      expect(await creating).toContain('removed 1000 rows of salt_returns that were there twice')
      expect(await create(settings)).toEqual([])
      expect(during).toBeGreaterThan(0)
      const found = await store.get_jid(jid)
      expect(Object.keys(found).length).toBeGreaterThan(during)
      expect(await count(settings, 'salt_returns')).toBe(200_000 + Object.keys(found).length)
    }, 240_000)

    it('are changed without others waiting long behind a change that waits for a reader', async () => {
      const settings = await byHand()
      const { store } = await open(settings)
      const jid = jidAt(now)
      await store.returner([returnOf(jid, 'before')])
      const end = await subject.begin(settings, 'SELECT * FROM salt_returns; SELECT * FROM salt_events')
      const creating = create(settings)
      await expect.poll(() => subject.query(settings, subject.waiting), WAITING).not.toEqual([])
      await Promise.all([store.returner([returnOf(jid, 'during')]), store.event_return([eventOf('during')])])
      await end()
      await creating
      expect(await create(settings)).toEqual([])
      expect(Object.keys(await store.get_jid(jid)).sort()).toEqual(['before', 'during'])
    })

    it('lose no row that somebody puts in the place of doubles while those are removed', async () => {
      const settings = await madeByCommand()
      await subject.query(settings, subject.withoutKey)
      const jid = jidAt(now)
      const row = (value: string) =>
        `INSERT INTO salt_returns (${saltColumns(name)}) VALUES ${saltRow(name, jid, 'web1', value, '2026-01-01 00:00:00')};`
      await subject.query(settings, row('one') + row('two'))
      const end = await subject.begin(settings, `DELETE FROM salt_returns; ${row('three')}`)
      const creating = create(settings)
      await expect.poll(() => subject.query(settings, subject.waiting), WAITING).not.toEqual([])
      await end()
      await creating
      expect((await (await open(settings)).store.get_jid(jid)).web1?.return).toBe('three')
    })

    it('are changed once by two commands at once', async () => {
      const settings = await byHand()
      const said = (await Promise.all([create(settings), create(settings)])).sort((a, b) => a.length - b.length)
      expect(said[0]).toEqual([])
      expect(said[1]).toContain('added a unique key on jid and id to salt_returns')
    })

    it('are used as they are by then, in a while, by processes that go on', async () => {
      const settings = await byHand()
      const { store } = await open(settings)
      await store.event_return([eventOf('before')])
      await create(settings)
      vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 6 * 60_000 })
      onTestFinished(() => void vi.useRealTimers())
      await store.event_return([eventOf('after')])
      await store.event_return([eventOf('after')])
      const rows = await subject.query(settings, 'SELECT event_id FROM salt_events ORDER BY id')
      expect(rows).toEqual([{ event_id: null }, { event_id: 'after' }])
    })

    it('get the keys that tables made by hand lack, while others write to them, and nothing but doubles goes', async () => {
      const settings = await byHand()
      const jid = jidAt(now)
      const row = (id: string, value: string, time: string) =>
        `INSERT INTO salt_returns VALUES ${saltRow(name, jid, id, value, time)};`
      await subject.query(
        settings,
        row('web1', 'old', '2026-01-01 00:00:00') +
          row('web1', 'new', '2026-01-02 00:00:00') +
          row('WEB1', 'other', '2026-01-01 00:00:00'),
      )
      const writers = await Promise.all([open(settings), open(settings)])
      const written = Array.from({ length: 60 }, (_, n) => returnOf(jid, `m${n}`))
      const writing = Promise.all(
        writers.map(async ({ store }) => {
          for (const one of written) await store.returner([one])
        }),
      )
      const said = await create(settings)
      await writing
      expect(said).toContain('removed 1 rows of salt_returns that were there twice')
      expect(said).toContain('added a unique key on jid and id to salt_returns')
      expect(await create(settings)).toEqual([])
      const found = await writers[0]!.store.get_jid(jid)
      expect([found.web1?.return, found.WEB1?.return]).toEqual(['new', 'other'])
      expect(await count(settings, 'salt_returns')).toBe(62)
    })
  })

  describe(`the returner ${name}, over SQL`, () => {
    it.each([
      ['made by hand', byHand],
      ['made by the command', madeByCommand],
    ])('keeps each return once where several write the same at once to tables %s', async (_how, make) => {
      const settings = await make()
      const stores = await Promise.all(Array.from({ length: 4 }, () => open(settings)))
      const jids = Array.from({ length: 3 }, () => jidAt(now))
      const batch = jids.flatMap(jid => ['a', 'A', 'b', 'c'].map(id => returnOf(jid, id)))
      await Promise.all(
        stores.flatMap(({ store }, n) => [
          store.returner(n % 2 ? batch : batch.toReversed()),
          store.save_load(jids.map(jid => loadOf(jid))),
        ]),
      )
      expect(await count(settings, 'salt_returns')).toBe(12)
      expect(await count(settings, 'jids')).toBe(3)
      expect(await stores[0]!.store.get_jid(jids[0]!)).toEqual(
        Object.fromEntries(batch.slice(0, 4).map(one => [one.id, one])),
      )
    })

    it('keeps an event that comes again once, with who sent it and who wrote it', async () => {
      const settings = await madeByCommand()
      const { store } = await open(settings)
      const id = randomUUID()
      await store.event_return([eventOf(id), eventOf(id), eventOf(randomUUID())])
      await store.event_return([eventOf(id)])
      const rows = await subject.query(settings, `SELECT * FROM salt_events WHERE event_id = '${id}'`)
      expect(rows).toHaveLength(1)
      expect(rows[0]).toMatchObject({ tag: 'deploy/done', master_id: 'master1', origin: 'web1' })
      expect(JSON.parse(String(rows[0]!.data))).toEqual({ n: 1, _stamp: '2026-11-20T09:18:20.838387' })
      expect(await count(settings, 'salt_events')).toBe(2)
    })

    it('removes old events with old jobs', async () => {
      const settings = await madeByCommand()
      const { store } = await open(settings)
      await store.event_return([eventOf('old'), eventOf('young')])
      await subject.query(settings, "UPDATE salt_events SET alter_time = '2026-01-01 00:00:00' WHERE event_id = 'old'")
      await store.returner([returnOf(jidAt(now - 86_400_000 * 3), 'web1')])
      expect(await store.clean_old_jobs(now - 86_400_000)).toBe(1)
      expect((await subject.query(settings, 'SELECT event_id FROM salt_events')).map(row => row.event_id)).toEqual([
        'young',
      ])
    })

    it('removes the many returns of one job in pieces', async () => {
      const settings = await byHand()
      const { store } = await open(settings)
      const jid = jidAt(now - 86_400_000 * 3)
      await store.save_load([loadOf(jid)])
      await store.returner(Array.from({ length: 2500 }, (_, n) => returnOf(jid, `m${n}`)))
      await store.returner([returnOf(jidAt(now), 'web1')])
      const most = await subject.mostRemoved(settings, async () => {
        expect(await store.clean_old_jobs(now - 86_400_000)).toBe(1)
      })
      expect(most).toBe(1000)
      expect([await count(settings, 'salt_returns'), await count(settings, 'jids')]).toEqual([1, 0])
    })

    it('keeps functions with long names apart', async () => {
      const { store } = await open(await byHand())
      const funs = ['one', 'two'].map(end => `${'a_module_with_a_long_name'.repeat(3)}.${end}`)
      const jid = jidAt(now)
      await store.returner(funs.map((fun, n) => returnOf(jid, `m${n}`, { fun })))
      for (const [n, fun] of funs.entries())
        expect(await store.get_fun(fun)).toEqual({ [`m${n}`]: returnOf(jid, `m${n}`, { fun }) })
    })

    it('refuses a record that no column takes, and goes on', async () => {
      const settings = await madeByCommand()
      const { store } = await open(settings)
      const jid = jidAt(now)
      await expect(store.returner([returnOf(jid, 'x'.repeat(300))])).rejects.toMatchObject({ code: 'record_refused' })
      await store.returner([returnOf(jid, 'web1')])
      expect(await store.get_jid(jid)).toHaveProperty('web1')
    })

    it('passes over what others wrote that is no JSON, and says so', async () => {
      const settings = await byHand()
      const jid = jidAt(now)
      await subject.query(
        settings,
        `INSERT INTO salt_returns VALUES ${saltRow(name, jid, 'web1', 'x', '2026-01-01 00:00:00').replace('{', '<')}`,
      )
      const { store, lines } = await open(settings)
      expect(await store.get_jid(jid)).toEqual({})
      expect(lines.items).toMatchObject([{ table: 'salt_returns', jid }])
      await subject.query(settings, `INSERT INTO jids VALUES ('${jid}', 'no JSON')`)
      await store.update_endtime([{ jid, endtime: 'x' }])
      expect(await store.get_load(jid)).toBeUndefined()
      await store.save_load([loadOf(jid)])
      expect(await store.get_load(jid)).toEqual(loadOf(jid))
    })

    it('says that its server is away, takes it for no fault of the record, and goes on when it is back', async () => {
      const settings = await madeByCommand()
      const { store } = await open(settings)
      const jid = jidAt(now)
      await store.returner([returnOf(jid, 'before')])
      await subject.kill()
      await expect(store.returner([returnOf(jid, 'lost')])).rejects.toMatchObject({
        code: 'unreachable',
        message: expect.stringContaining(`the ${name} database '${settings[`${name}.db`]}' at 127.0.0.1:`),
      })
      await subject.start()
      await store.returner([returnOf(jid, 'after')])
      expect(Object.keys(await store.get_jid(jid)).sort()).toEqual(['after', 'before'])
    })

    it('gives up on a statement that takes too long, and is not hurt by it', async () => {
      const settings = await madeByCommand()
      const { store } = await open({ ...settings, [`${name}.timeout`]: '3s' })
      const jid = jidAt(now)
      await store.returner([returnOf(jid, 'before')])
      const unlock = await subject.lock(settings)
      await expect(store.returner([returnOf(jid, 'web1')])).rejects.toMatchObject({ code: 'timeout' })
      await unlock()
      await store.returner([returnOf(jid, 'web1')])
      expect(Object.keys(await store.get_jid(jid)).sort()).toEqual(['before', 'web1'])
    })
  })
}

const saltColumns = (name: string) =>
  name === 'mysql'
    ? 'fun, jid, `return`, id, success, full_ret, alter_time'
    : 'fun, jid, return, full_ret, id, success, alter_time'

/** A row as Salt writes it, in the order of the columns of the tables made by hand. */
function saltRow(name: string, jid: string, id: string, value: string, time: string): string {
  const full = JSON.stringify(returnOf(jid, id, { return: value }))
  const text = JSON.stringify(value)
  const row = name === 'mysql' ? [jid, text, id, '1', full] : [jid, text, full, id, '1']
  return `('test.ping', ${row.map(one => `'${one}'`).join(', ')}, '${time}')`
}
