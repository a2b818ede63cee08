// The walk of the guide that wants the job cache in MySQL, in the real program on real databases: config, tables, a call, the rows;
// and the same on PostgreSQL and SQLite.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'libsql'
import { describe, expect, it, onTestFinished } from 'vitest'
import { describeWith, type Found } from '../helpers/database.ts'
import { hasMariadb, startMariadb } from '../helpers/mariadb.ts'
import { hasPostgres, startPostgres } from '../helpers/postgres.ts'
import { command, type Running, startReactor } from './reactor.ts'
import { SEED_TABLES } from './seed-tables.ts'

type Row = Record<string, unknown>

/** A store in which there is nothing yet, and a plain client of it. */
interface Store {
  settings: Record<string, unknown>
  /** Statements without an answer, several at once. */
  execute(sql: string): Promise<unknown>
  rows(sql: string): Promise<Row[]>
}

const MINION = 'minion-01.example.com'
async function mariadb(): Promise<Store> {
  const server = await startMariadb()
  onTestFinished(() => server.stop())
  const client = await server.connect('salt')
  onTestFinished(() => client.end())
  return {
    settings: { ...server.settings, 'mysql.host': 'localhost' },
    execute: sql => client.query(sql),
    rows: async sql => (await client.query(sql))[0] as Row[],
  }
}

async function postgres(): Promise<Store> {
  const server = await startPostgres()
  onTestFinished(() => server.stop())
  const client = await server.connect('salt')
  onTestFinished(() => client.end())
  return {
    settings: server.settings,
    execute: sql => client.query(sql),
    rows: async sql => (await client.query(sql)).rows,
  }
}

async function sqlite(): Promise<Store> {
  const file = join(await temporary(), 'salt.db')
  const open = <T>(use: (db: Database.Database) => T): T => {
    const db = new Database(file)
    try {
      return use(db)
    } finally {
      db.close()
    }
  }
  return {
    settings: { 'sqlite.database': file },
    execute: async sql => open(db => db.exec(sql)),
    // libsql adds how long it took.
    rows: async sql => open(db => (db.prepare(sql).all() as Row[]).map(({ _metadata: _, ...row }) => row)),
  }
}

async function temporary(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'reactor-test-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  return dir
}

const created = (name: string) => async (settings: Row) => {
  const file = join(await temporary(), 'reactor.json')
  await writeFile(file, JSON.stringify({ ...settings, master_job_cache: name }))
  expect(await command(['returners', 'create', name, '--config', file])).toMatchObject({ code: 0, stderr: '' })
}
const ALWAYS: Found = { yes: true, reason: '' }
type Tables = (settings: Row, store: Store) => Promise<unknown>
const WALKS: [name: string, tables: string, found: Found, open: () => Promise<Store>, make: Tables][] = [
  ['mysql', 'as the guide makes them', hasMariadb, mariadb, async (_, store) => store.execute(SEED_TABLES)],
  ['mysql', 'made by the command', hasMariadb, mariadb, created('mysql')],
  ['postgres', 'made by the command', hasPostgres, postgres, created('postgres')],
  ['sqlite', 'made at the first use', ALWAYS, sqlite, async () => undefined],
]

describe.each(WALKS)('master_job_cache: %s, with tables %s', (name, _, found, open, make) => {
  describeWith(found, 'on a real server', () => {
    it('has the call and what came of it', async () => {
      const store = await open()
      await make(store.settings, store)
      const settings = { args: ['--id', MINION], config: { ...store.settings, master_job_cache: name } }
      let reactor: Running = await startReactor(settings)
      onTestFinished(() => reactor.clean())

      const called = await reactor.run('call', '*', 'test.ping', '-v')
      expect(called).toMatchObject({ code: 0, stderr: '' })
      const said = /^Executing job with jid (\d{20})\n-+\n\n(.*)$/s.exec(called.stdout)
      expect(said?.[2]).toBe(`${MINION}:\n    True\n`)
      const jid = said![1]!

      const rowsOf = (table: string) => store.rows(`SELECT * FROM ${table} WHERE jid = '${jid}'`)
      await expect.poll(() => rowsOf('salt_returns')).toHaveLength(1)
      const [row] = await rowsOf('salt_returns')
      expect({ ...row, full_ret: JSON.parse(String(row!.full_ret)) }).toEqual({
        ...{ fun: 'test.ping', jid, return: 'true', id: MINION, success: name === 'postgres' ? 'true' : '1' },
        full_ret: {
          ...{
            fun_args: [],
            jid,
            return: true,
            retcode: 0,
            success: true,
            cmd: '_return',
            fun: 'test.ping',
            id: MINION,
          },
          _stamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/),
        },
        alter_time: expect.anything(),
      })
      await expect.poll(async () => JSON.parse(String((await rowsOf('jids'))[0]?.load))).toHaveProperty('endtime')
      const loads = await rowsOf('jids')
      expect(loads.map(({ jid, load }) => ({ jid, load: JSON.parse(String(load)) }))).toEqual([
        {
          jid,
          load: {
            ...{ tgt_type: 'glob', jid, cmd: 'publish', tgt: '*', kwargs: {}, ret: '', arg: [], fun: 'test.ping' },
            ...{ user: expect.any(String), minions: [MINION], endtime: JSON.parse(String(row!.full_ret))._stamp },
          },
        },
      ])

      const asked = async (...words: string[]) => {
        const shown = await reactor.run('jobs', 'show', jid)
        expect(shown).toMatchObject({ code: 0, stderr: '' })
        expect(shown.stdout).toMatch(new RegExp(`\\n${MINION} +returned .*\\n\\n${MINION}:\\n {4}True\\n$`))
        const found = await reactor.run('run', '--json', 'jobs.lookup_jid', jid, ...words)
        expect(found).toMatchObject({ code: 0, stderr: '' })
        expect(JSON.parse(found.stdout)).toEqual({ [MINION]: true })
      }
      await asked()
      await asked(`ext_source=${name}`)
      const { ready, dir } = reactor
      expect(await reactor.stop()).toBe(0)
      await rm(join(ready.data, 'cache'), { recursive: true, force: true })
      reactor = await startReactor({ ...settings, dir })
      await asked()
      const listed = await reactor.run('jobs', 'list', '--function', 'test.ping')
      expect(listed.stdout).toMatch(new RegExp(`^${jid} .* in ${name}$`, 'm'))
    })
  })
})
