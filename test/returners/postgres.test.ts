import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { ReturnerStore } from '../../src/functions/define-returner.ts'
import { optionsOf } from '../../src/returner/options.ts'
import postgres from '../../src/returners/postgres.ts'
import { createFor, jidAt, returnerContract, returnOf } from '../contract/returners.ts'
import { sqlReturnerContract } from '../contract/sql-returners.ts'
import { keptLog } from '../helpers/core.ts'
import { describeWith } from '../helpers/database.ts'
import { hasPostgres, startPostgres, type TestPostgres } from '../helpers/postgres.ts'

/** As people who came from Salt have made them. */
const SALT = `
CREATE TABLE jids (
  jid varchar(20) PRIMARY KEY,
  load text NOT NULL
);
CREATE TABLE salt_returns (
  fun varchar(50) NOT NULL,
  jid varchar(255) NOT NULL,
  return text NOT NULL,
  full_ret text,
  id varchar(255) NOT NULL,
  success varchar(10) NOT NULL,
  alter_time timestamp with time zone DEFAULT now()
);
CREATE INDEX idx_salt_returns_id ON salt_returns (id);
CREATE INDEX idx_salt_returns_jid ON salt_returns (jid);
CREATE INDEX idx_salt_returns_fun ON salt_returns (fun);
CREATE SEQUENCE seq_salt_events_id;
CREATE TABLE salt_events (
  id BIGINT NOT NULL UNIQUE DEFAULT nextval('seq_salt_events_id'),
  tag varchar(255) NOT NULL,
  data text NOT NULL,
  alter_time timestamp with time zone DEFAULT now(),
  master_id varchar(255) NOT NULL
);
CREATE INDEX idx_salt_events_tag ON salt_events (tag);
`

let server: TestPostgres
const optionsFrom = (settings: Record<string, unknown>) => optionsOf('postgres', postgres, settings)
const query = async (settings: Record<string, unknown>, sql: string) => {
  const client = await server.connect(settings['postgres.db'])
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

const open = async (settings: Record<string, unknown>) => {
  const context = { log: keptLog().log, id: 'master1', profiles: { smtp: {}, http: {} }, open: () => Promise.reject() }
  const store = (await postgres.open(optionsFrom(settings), context)) as Required<ReturnerStore>
  onTestFinished(() => store.close())
  return store
}
const byHand = async () => {
  const settings = await server.fresh()
  await query(settings, SALT)
  return settings
}

describeWith(hasPostgres, 'on a real PostgreSQL', () => {
  beforeAll(async () => {
    server = await startPostgres()
  })
  afterAll(() => server?.stop())

  returnerContract('postgres', postgres, async () => {
    const settings = await server.fresh()
    await createFor('postgres', postgres, settings)
    return { settings, interrupt: () => server.restart() }
  })

  describe('with the tables of Salt', () => {
    returnerContract('postgres', postgres, async () => ({
      settings: await byHand(),
      interrupt: () => server.restart(),
    }))
  })

  sqlReturnerContract('postgres', postgres, SALT, {
    fresh: () => server.fresh(),
    query,
    async begin(settings, sql) {
      const client = await server.connect(settings['postgres.db'])
      await client.query(`BEGIN; ${sql}`)
      return async () => {
        await client.query('COMMIT')
        await client.end()
      }
    },
    waiting: "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
    withoutKey:
      'ALTER TABLE salt_returns DROP CONSTRAINT salt_returns_jid_id_key; CREATE INDEX by_jid ON salt_returns (jid)',
    numbers: count => `SELECT n FROM generate_series(1, ${count}) AS n`,
    async mostRemoved(settings, work) {
      await query(
        settings,
        `CREATE TABLE removed (n integer);
        CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO removed SELECT COUNT(*) FROM gone; RETURN NULL; END';
        CREATE TRIGGER noted AFTER DELETE ON salt_returns REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION note()`,
      )
      await work()
      return Number((await query(settings, 'SELECT MAX(n) AS n FROM removed'))[0]!.n)
    },
    async lock(settings) {
      const client = await server.connect(settings['postgres.db'])
      await client.query('BEGIN')
      await client.query('LOCK TABLE salt_returns IN ACCESS EXCLUSIVE MODE')
      return () => client.end()
    },
    kill: () => server.kill(),
    start: () => server.start(),
  })

  describe('the returner postgres', () => {
    it('leaves the rows that Salt leaves', async () => {
      const settings = await byHand()
      const store = await open(settings)
      const jid = jidAt(Date.now())
      await store.returner([returnOf(jid, 'web1'), returnOf(jid, 'web2', { success: false, retcode: 1 })])
      const rows = await query(settings, 'SELECT id, return, success FROM salt_returns ORDER BY id')
      expect(rows).toEqual([
        { id: 'web1', return: 'true', success: 'true' },
        { id: 'web2', return: 'true', success: 'false' },
      ])
    })

    it('changes tables while somebody reads on in an old transaction and others write', async () => {
      const settings = await byHand()
      const store = await open(settings)
      const jid = jidAt(Date.now())
      await store.returner([returnOf(jid, 'before')])
      const old = await server.connect(settings['postgres.db'])
      onTestFinished(() => old.end())
      await old.query('BEGIN')
      await old.query("INSERT INTO salt_returns VALUES ('test.ping', '1', 'true', '{}', 'web1', 'true')")
      const creating = createFor('postgres', postgres, settings)
      const waiting = `SELECT 1 FROM pg_stat_activity WHERE query LIKE 'CREATE UNIQUE INDEX CONCURRENTLY%' AND wait_event_type = 'Lock'`
      await expect.poll(() => query(settings, waiting)).toHaveLength(1)
      await store.returner([returnOf(jid, 'during')])
      await old.query('COMMIT')
      await creating
      await store.returner([returnOf(jid, 'during')])
      expect(Object.keys(await store.get_jid(jid)).sort()).toEqual(['before', 'during'])
    })

    it('makes an index anew that a try before left unfinished', async () => {
      const settings = await byHand()
      const row = "INSERT INTO salt_returns VALUES ('test.ping', '1', 'true', '{}', 'web1', 'true');"
      await query(settings, row + row)
      const build = 'CREATE UNIQUE INDEX CONCURRENTLY salt_returns_key ON salt_returns (jid, id)'
      await expect(query(settings, build)).rejects.toThrow('could not create unique index')
      expect(await createFor('postgres', postgres, settings)).toEqual(
        expect.arrayContaining([
          'removed 1 rows of salt_returns that were there twice',
          'added a unique key on jid and id to salt_returns',
        ]),
      )
      expect(await createFor('postgres', postgres, settings)).toEqual([])
      expect(await query(settings, 'SELECT 1 FROM pg_index WHERE NOT indisvalid')).toEqual([])
    })

    it('takes its password under either name, and not two of them', () => {
      const options = optionsFrom({ ...server.settings, 'postgres.pass': 'other' })
      expect(() => postgres.open(options, {} as never)).toThrowError(
        expect.objectContaining({ code: 'bad_config', message: expect.stringContaining("'postgres.pass'") }),
      )
    })
  })
})
