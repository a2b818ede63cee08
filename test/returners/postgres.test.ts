import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { optionsOf } from '../../src/returner/options.ts'
import postgres from '../../src/returners/postgres.ts'
import { createFor, returnerContract } from '../contract/returners.ts'
import { sqlReturnerContract } from '../contract/sql-returners.ts'
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
    returnerContract('postgres', postgres, async () => {
      const settings = await server.fresh()
      await query(settings, SALT)
      return { settings, interrupt: () => server.restart() }
    })
  })

  sqlReturnerContract('postgres', postgres, SALT, {
    fresh: () => server.fresh(),
    query,
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
    it('takes its password under either name, and not two of them', () => {
      const options = optionsFrom({ ...server.settings, 'postgres.pass': 'other' })
      expect(() => postgres.open(options, {} as never)).toThrowError(
        expect.objectContaining({ code: 'bad_config', message: expect.stringContaining("'postgres.pass'") }),
      )
    })
  })
})
