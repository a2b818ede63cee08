// What a read of the SQL returners may cost the process that asks, the server, and whoever writes meanwhile.
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { ReactorError } from '../../src/base/errors.ts'
import { createJobSource } from '../../src/cache/returning/source.ts'
import type { ReturnerDefinition, ReturnerStore } from '../../src/functions/define-returner.ts'
import { optionsOf } from '../../src/returner/options.ts'
import mysql from '../../src/returners/mysql.ts'
import postgres from '../../src/returners/postgres.ts'
import { createFor, jidAt, loadOf, returnOf } from '../contract/returners.ts'
import { keptLog } from '../helpers/core.ts'
import { describeWith } from '../helpers/database.ts'
import { hasMariadb, startMariadb } from '../helpers/mariadb.ts'
import { hasPostgres, startPostgres } from '../helpers/postgres.ts'
import { untilTaken } from '../helpers/wait.ts'

type Settings = Record<string, unknown>

interface Subject {
  name: string
  definition: ReturnerDefinition
  /** Of a server of its own that is stopped after the test file. */
  start(): Promise<{ fresh(): Promise<Settings>; query(settings: Settings, sql: string): Promise<Settings[]> }>
  /** A condition that takes minutes. */
  slow: string
  /** How many statements of others run in the database, as `n`. */
  running: string
}

const MYSQL: Subject = {
  name: 'mysql',
  definition: mysql,
  async start() {
    const server = await startMariadb()
    stops.push(() => server.stop())
    return {
      fresh: () => server.fresh(),
      async query(settings, sql) {
        const connection = await server.connect(settings['mysql.db'])
        return ((await connection.query(sql).finally(() => connection.end()))[0] ?? []) as Settings[]
      },
    }
  },
  slow: 'BENCHMARK(10000000000, MD5(jid)) = 0',
  running:
    "SELECT COUNT(*) AS n FROM information_schema.PROCESSLIST WHERE DB = DATABASE() AND COMMAND <> 'Sleep' AND ID <> CONNECTION_ID()",
}

const POSTGRES: Subject = {
  name: 'postgres',
  definition: postgres,
  async start() {
    const server = await startPostgres()
    stops.push(() => server.stop())
    return {
      fresh: () => server.fresh(),
      async query(settings, sql) {
        const client = await server.connect(settings['postgres.db'])
        return (await client.query(sql).finally(() => client.end())).rows
      },
    }
  },
  slow: 'pg_sleep(600) IS NULL',
  running:
    "SELECT COUNT(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND backend_type = 'client backend' AND pid <> pg_backend_pid()",
}

const stops: (() => Promise<unknown>)[] = []

const MiB = 1024 * 1024
const HOUR = 3_600_000

describe.each([
  [hasMariadb, MYSQL],
  [hasPostgres, POSTGRES],
])('reading', (found, { name, definition, start, slow, running }) => {
  describeWith(found, `from ${name}`, () => {
    let server: Awaited<ReturnType<Subject['start']>>
    beforeAll(async () => {
      server = await start()
      return async () => {
        for (const stop of stops.splice(0)) await stop()
      }
    })

    const openWith = async (settings: Settings, timeout: string) => {
      const context = {
        ...{ log: keptLog().log, id: 'master1', profiles: { smtp: {}, http: {} } },
        open: () => Promise.reject(new Error('nothing is handed on')),
      }
      const options = optionsOf(name, definition, { ...settings, [`${name}.timeout`]: timeout })
      const store = (await definition.open(options, context)) as Required<ReturnerStore>
      onTestFinished(() => store.close())
      return store
    }
    const open = async () => {
      const settings = await server.fresh()
      await createFor(name, definition, settings)
      return { settings, store: await openWith(settings, '60s') }
    }
    /** With one return, which it takes minutes to read. */
    const openSlow = async () => {
      const { settings, store } = await open()
      const jid = jidAt(Date.now())
      await store.returner([returnOf(jid, 'web1')])
      expect(await store.get_jid_minions(jid)).toEqual(['web1'])
      await server.query(settings, 'ALTER TABLE salt_returns RENAME TO kept')
      await server.query(settings, `CREATE VIEW salt_returns AS SELECT * FROM kept WHERE ${slow}`)
      return { settings, store, jid }
    }

    it('a job of 200 returns of a megabyte answers with 64 MiB of them, and leaves out the rest by name', async () => {
      const { settings, store } = await open()
      const jid = jidAt(Date.now())
      const ids = Array.from({ length: 200 }, (_, n) => `m${String(n).padStart(3, '0')}`)
      await store.save_load([loadOf(jid, { minions: ids })])
      const column = name === 'mysql' ? '`return`' : 'return'
      const row = (id: string) => {
        const text = JSON.stringify(returnOf(jid, id, { return: 'VALUE', retcode: 4, success: false }))
        const full = `REPLACE('${text}', 'VALUE', REPEAT('x', ${MiB}))`
        return `INSERT INTO salt_returns (fun, jid, id, success, ${column}, full_ret) VALUES ('test.ping', '${jid}', '${id}', '0', '', ${full})`
      }
      await server.query(settings, ids.map(row).join(';'))
      const job = (await createJobSource(name, store, { jobTimeoutMs: HOUR, runTimeoutMs: HOUR }).job(jid, Date.now()))!
      expect(JSON.stringify(job).length).toBeLessThan(65 * MiB)
      expect(job.counts).toEqual({ failed: 200 })
      expect(Object.keys(job.returns).sort()).toEqual(ids)
      const whole = ids.filter(id => typeof job.returns[id]!.return === 'string')
      expect(whole).toEqual(ids.slice(0, 63))
      for (const id of ids.slice(63))
        expect(job.returns[id]).toMatchObject({
          ...{ retcode: 4, success: false },
          return: { _left_out: expect.stringMatching(/^\d+ bytes: the returns of this job are more than/) },
        })
      expect((await store.get_jid_minions(jid)).sort()).toEqual(ids)
    }, 120_000)

    it('ends at the server too where it takes too long', async () => {
      const { settings, jid } = await openSlow()
      const hasty = await openWith(settings, '1s')
      await expect(hasty.get_jid(jid)).rejects.toMatchObject({ code: 'timeout' })
      await untilTaken('the end of the read at the server', async () =>
        expect(Number((await server.query(settings, running))[0]!.n)).toBe(0),
      )
    })

    it('holds up nobody who writes, and is given up with its asker', async () => {
      const { settings, store, jid } = await openSlow()
      const given = new AbortController()
      let ended = 0
      const reads = Array.from({ length: 8 }, () =>
        store.get_jid(jid, { signal: given.signal }).finally(() => {
          ended += 1
        }),
      )
      const all = Promise.allSettled(reads)
      await untilTaken('two reads at the server', async () =>
        expect(Number((await server.query(settings, running))[0]!.n)).toBe(2),
      )
      await store.save_load([loadOf(jid)])
      expect(ended).toBe(0)
      given.abort(new ReactorError('timeout', 'nobody waits'))
      for (const outcome of await all)
        expect(outcome).toMatchObject({ status: 'rejected', reason: { message: 'nobody waits' } })
      expect(await store.get_load(jid)).toEqual(loadOf(jid))
    })
  })
})
