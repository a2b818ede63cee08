import { chmod, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { ReturnerStore } from '../../src/functions/define-returner.ts'
import { optionsOf } from '../../src/returner/options.ts'
import mysql from '../../src/returners/mysql.ts'
import { createFor, jidAt, loadOf, returnerContract, returnOf } from '../contract/returners.ts'
import { sqlReturnerContract } from '../contract/sql-returners.ts'
import { otherAuthority, type TestCertificates, testCertificates } from '../helpers/certificates.ts'
import { keptLog } from '../helpers/core.ts'
import { describeWith } from '../helpers/database.ts'
import { hasMariadb, startMariadb, type TestMariadb } from '../helpers/mariadb.ts'

/** As people who came from Salt have made them. */
const SALT = `
CREATE TABLE \`jids\` (
  \`jid\` varchar(255) NOT NULL,
  \`load\` mediumtext NOT NULL,
  UNIQUE KEY \`jid\` (\`jid\`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8;
CREATE TABLE \`salt_returns\` (
  \`fun\` varchar(50) NOT NULL,
  \`jid\` varchar(255) NOT NULL,
  \`return\` mediumtext NOT NULL,
  \`id\` varchar(255) NOT NULL,
  \`success\` varchar(10) NOT NULL,
  \`full_ret\` mediumtext NOT NULL,
  \`alter_time\` TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
  KEY \`id\` (\`id\`),
  KEY \`jid\` (\`jid\`),
  KEY \`fun\` (\`fun\`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8;
CREATE TABLE \`salt_events\` (
  \`id\` BIGINT NOT NULL AUTO_INCREMENT,
  \`tag\` varchar(255) NOT NULL,
  \`data\` mediumtext NOT NULL,
  \`alter_time\` TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
  \`master_id\` varchar(255) NOT NULL,
  PRIMARY KEY (\`id\`),
  KEY \`tag\` (\`tag\`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8;
`

let server: TestMariadb
const optionsFrom = (settings: Record<string, unknown>) => optionsOf('mysql', mysql, settings)
const query = async (settings: Record<string, unknown>, sql: string) => {
  const connection = await server.connect(settings['mysql.db'])
  try {
    return (await connection.query(sql))[0] as Record<string, unknown>[]
  } finally {
    await connection.end()
  }
}
const open = async (settings: Record<string, unknown>) => {
  const context = { log: keptLog().log, id: 'master1', profiles: { smtp: {}, http: {} }, open: () => Promise.reject() }
  const store = (await mysql.open(optionsFrom(settings), context)) as Required<ReturnerStore>
  onTestFinished(() => store.close())
  return store
}
const byHand = async () => {
  const settings = await server.fresh()
  await query(settings, SALT)
  return settings
}

describeWith(hasMariadb, 'on a real MariaDB', () => {
  beforeAll(async () => {
    server = await startMariadb()
  })
  afterAll(() => server?.stop())

  returnerContract('mysql', mysql, async () => {
    const settings = await server.fresh()
    await createFor('mysql', mysql, settings)
    return { settings, interrupt: () => server.restart() }
  })

  describe('with the tables of Salt', () => {
    returnerContract('mysql', mysql, async () => ({ settings: await byHand(), interrupt: () => server.restart() }))
  })

  sqlReturnerContract('mysql', mysql, SALT, {
    fresh: () => server.fresh(),
    query,
    async begin(settings, sql) {
      const connection = await server.connect(settings['mysql.db'])
      await connection.query(`START TRANSACTION; ${sql}`)
      return async () => {
        await connection.query('COMMIT')
        await connection.end()
      }
    },
    waiting: `SELECT 1 FROM information_schema.PROCESSLIST LEFT JOIN information_schema.INNODB_TRX ON trx_mysql_thread_id = ID
      WHERE DB = DATABASE() AND (STATE = 'Waiting for table metadata lock' OR trx_state = 'LOCK WAIT')`,
    withoutKey: 'ALTER TABLE salt_returns DROP INDEX jid_id, ADD INDEX by_jid (jid)',
    numbers: count => `SELECT seq AS n FROM seq_1_to_${count}`,
    async mostRemoved(settings, work) {
      // One trigger for each row; all of a statement see the statement's time.
      await query(
        settings,
        `CREATE TABLE removed (at decimal(20, 6));
        CREATE TRIGGER noted AFTER DELETE ON salt_returns FOR EACH ROW INSERT INTO removed VALUES (@@timestamp)`,
      )
      await work()
      const [row] = await query(
        settings,
        'SELECT MAX(n) AS n FROM (SELECT COUNT(*) AS n FROM removed GROUP BY at) AS statements',
      )
      return Number(row!.n)
    },
    async lock(settings) {
      const connection = await server.connect(settings['mysql.db'])
      await connection.query('LOCK TABLES salt_returns WRITE')
      return () => connection.end()
    },
    kill: () => server.kill(),
    start: () => server.start(),
  })

  describe('the returner mysql', () => {
    it('leaves the rows that Salt leaves', async () => {
      const settings = await byHand()
      const store = await open(settings)
      const jid = jidAt(Date.now())
      await store.save_load([loadOf(jid)])
      await store.returner([returnOf(jid, 'minion-01.example.com')])
      const [load] = await query(settings, 'SELECT * FROM jids')
      expect({ ...load, load: JSON.parse(String(load!.load)) }).toEqual({ jid, load: loadOf(jid) })
      const [row] = await query(settings, 'SELECT * FROM salt_returns')
      expect({ ...row, full_ret: JSON.parse(String(row!.full_ret)) }).toEqual({
        fun: 'test.ping',
        jid,
        return: 'true',
        id: 'minion-01.example.com',
        success: '1',
        full_ret: returnOf(jid, 'minion-01.example.com'),
        alter_time: expect.any(Date),
      })
    })

    it.each([
      ['a packet', 12],
      ['a column', 17],
    ])('keeps of a return that is larger than %s that it came, and says so', async (_what, megabytes) => {
      const packet = 64 * 1024 * 1024
      const settings = await byHand()
      if (megabytes === 17) {
        await query(settings, `SET GLOBAL max_allowed_packet = ${packet}`)
        onTestFinished(() => query(settings, 'SET GLOBAL max_allowed_packet = DEFAULT').then(() => undefined))
      }
      const store = await open(settings)
      const jid = jidAt(Date.now())
      const large = returnOf(jid, 'web1', { return: 'x'.repeat(megabytes * 1024 * 1024), success: false, retcode: 3 })
      await store.returner([large, returnOf(jid, 'web2')])
      expect(await store.get_jid(jid)).toEqual({
        web1: {
          ...large,
          return: { _left_out: expect.stringMatching(`^${megabytes * 1024 * 1024 + 2} bytes, more than`) },
        },
        web2: returnOf(jid, 'web2'),
      })
      const [row] = await query(
        settings,
        "SELECT success, LENGTH(`return`) AS size FROM salt_returns WHERE id = 'web1'",
      )
      expect(row).toMatchObject({ success: '0', size: expect.toSatisfy((size: number) => size < 1000) })
    })

    it('refuses a record that is larger than a packet without it, before the server cuts the connection', async () => {
      const store = await open(await byHand())
      const jid = jidAt(Date.now())
      const large = returnOf(jid, 'web1', { fun_args: ['x'.repeat(17 * 1024 * 1024)] })
      await expect(store.returner([large])).rejects.toMatchObject({
        code: 'record_refused',
        message: expect.stringContaining('larger than the database takes at once'),
      })
      await store.returner([returnOf(jid, 'web1')])
      expect(await store.get_jid(jid)).toHaveProperty('web1')
    })

    it('says that the server holds up writers where it cannot change a table without that', async () => {
      const settings = await server.fresh()
      await query(settings, SALT.replaceAll('CHARSET=utf8', 'CHARSET=latin1'))
      expect(await createFor('mysql', mysql, settings)).toEqual(
        expect.arrayContaining([
          'the server let nobody write to salt_returns while it changed it',
          'changed columns of salt_returns, so that names are kept whole and apart',
          'added a unique key on jid and id to salt_returns',
        ]),
      )
      expect(await createFor('mysql', mysql, settings)).toEqual([])
    })

    it('does not depend on the modes that the server is set to', async () => {
      const settings = await byHand()
      await query(settings, "SET GLOBAL sql_mode = 'NO_BACKSLASH_ESCAPES'")
      onTestFinished(() => query(settings, 'SET GLOBAL sql_mode = DEFAULT').then(() => undefined))
      const store = await open(settings)
      const jid = jidAt(Date.now())
      await store.returner([returnOf(jid, 'web1', { return: `\\' "` })])
      expect((await store.get_jid(jid)).web1?.return).toBe(`\\' "`)
      await expect(store.returner([returnOf(jid, 'x'.repeat(300))])).rejects.toMatchObject({ code: 'record_refused' })
    })

    it('talks TLS with a server that its authority knows under that name, and with no other', async () => {
      const certificates = await testCertificates({ hosts: 'localhost' })
      const other = await testCertificates({ dir: certificates.dir, hosts: 'db1.example.com', name: 'other' })
      // The server is no root, and the folder is for its owner alone.
      await chmod(certificates.dir, 0o755)
      for (const file of await readdir(certificates.dir)) await chmod(join(certificates.dir, file), 0o644)
      const overTls = async ({ ca, cert, key }: TestCertificates) => {
        const tls = await startMariadb([`--ssl-ca=${ca}`, `--ssl-cert=${cert}`, `--ssl-key=${key}`])
        onTestFinished(() => tls.stop())
        const connection = await tls.connect('salt')
        await connection.query("ALTER USER 'salt'@'127.0.0.1' REQUIRE SSL")
        await connection.end()
        return { ...tls.settings, 'mysql.host': 'localhost' }
      }
      const plain = await overTls(certificates)
      const settings = { ...plain, 'mysql.ssl_ca': certificates.ca }
      await createFor('mysql', mysql, settings)
      const store = await open(settings)
      expect(await store.get_minions()).toEqual([])
      // Further connections, which resume the session of the first.
      await Promise.all(Array.from({ length: 4 }, () => store.get_minions()))
      await expect((await open(plain)).get_minions()).rejects.toMatchObject({ code: 'unreachable' })
      const stranger = { ...settings, 'mysql.ssl_ca': await otherAuthority() }
      await expect((await open(stranger)).get_minions()).rejects.toMatchObject({ code: 'unreachable' })
      const misnamed = await open({ ...(await overTls(other)), 'mysql.ssl_ca': certificates.ca })
      for (let tries = 0; tries < 2; tries++) await expect(misnamed.get_minions()).rejects.toThrow(/altnames/)
    })

    it('wants the files that its TLS settings name', async () => {
      const options = (more: Record<string, unknown>) => optionsFrom({ ...server.settings, ...more })
      const byName = { 'mysql.host': 'localhost' }
      const opening = async (more: Record<string, unknown>) => mysql.open(options(more), {} as never)
      await expect(opening({ ...byName, 'mysql.ssl_ca': '/no/such/ca.pem' })).rejects.toMatchObject({
        code: 'bad_config',
      })
      await expect(opening({ ...byName, 'mysql.ssl_cert': '/no/such/cert.pem' })).rejects.toMatchObject({
        code: 'bad_config',
        message: expect.stringContaining("'mysql.ssl_ca'"),
      })
      await expect(opening({ 'mysql.ssl_ca': '/no/such/ca.pem' })).rejects.toMatchObject({
        code: 'bad_config',
        message: expect.stringContaining("'mysql.host' is the address 127.0.0.1"),
      })
    })
  })
})
