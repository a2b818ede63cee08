import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openDatabase } from '../../src/base/sqlite.ts'
import type { ReturnerStore } from '../../src/functions/define-returner.ts'
import sqlite from '../../src/returners/sqlite.ts'
import { createFor, eventOf, jidAt, loadOf, returnerContract, returnOf } from '../contract/returners.ts'
import { keptLog } from '../helpers/core.ts'
import { testFolder } from '../helpers/folder.ts'

returnerContract('sqlite', sqlite, async () => {
  const dir = await mkdtemp(join(tmpdir(), 'reactor-sqlite-'))
  return {
    settings: { 'sqlite.database': join(dir, 'made', 'salt.db') },
    remove: () => rm(dir, { recursive: true, force: true }),
  }
})

describe('the returner sqlite', () => {
  const now = Date.now()
  const open = async (database: string, timeout = 10_000) => {
    const context = { log: keptLog().log, id: 'web1', profiles: { smtp: {}, http: {} }, open: () => Promise.reject() }
    const store = (await sqlite.open({ database, timeout }, context)) as Required<ReturnerStore>
    onTestFinished(() => store.close())
    return store
  }
  const count = (file: string, table: string) => {
    const db = openDatabase(file, { migrations: [''] })
    try {
      return Number(db.prepare(`SELECT COUNT(*) AS n FROM ${table}`).get()!.n)
    } finally {
      db.close()
    }
  }

  it('makes its file once, by the command too, and tells of it', async () => {
    const database = join(await testFolder(), 'salt.db')
    expect(await createFor('sqlite', sqlite, { 'sqlite.database': database })).toEqual([
      `made the file ${database} with the tables jids, salt_returns, salt_events`,
    ])
    expect(await createFor('sqlite', sqlite, { 'sqlite.database': database })).toEqual([])
  })

  it('takes a file whose tables were made as the docs show, also where rows are there twice', async () => {
    const database = join(await testFolder(), 'salt.db')
    const script = await readFile('deploy/sql/sqlite.sql', 'utf8')
    const byHand = openDatabase(database, { migrations: [] })
    byHand.exec(script)
    byHand.exec('DROP INDEX salt_returns_key')
    const jid = jidAt(now)
    const row = (value: number) =>
      `INSERT INTO salt_returns (fun, jid, "return", id, success, full_ret) VALUES ('test.ping', '${jid}', '1', 'web1', '1', '${JSON.stringify(returnOf(jid, 'web1', { return: value }))}')`
    for (const value of [1, 2]) byHand.exec(row(value))
    byHand.close()
    const store = await open(database)
    expect(await store.get_jid(jid)).toEqual({ web1: returnOf(jid, 'web1', { return: 2 }) })
    await store.returner([returnOf(jid, 'web1')])
    expect(count(database, 'salt_returns')).toBe(1)
  })

  it('changes nothing in a file that has tables of another program', async () => {
    const database = join(await testFolder(), 'salt.db')
    const other = openDatabase(database, { migrations: [] })
    other.exec('CREATE TABLE salt_returns (fun TEXT, jid TEXT, id TEXT, full_ret TEXT)')
    for (const value of [1, 2]) other.exec(`INSERT INTO salt_returns VALUES ('test.ping', 'j', 'web1', '${value}')`)
    other.close()
    const store = await open(database)
    await expect(store.get_jid('j')).rejects.toThrow(/salt_returns/)
    expect(count(database, 'salt_returns')).toBe(2)
  })

  it('keeps each record once where several write the same at once', async () => {
    const database = join(await testFolder(), 'salt.db')
    const stores = await Promise.all(Array.from({ length: 4 }, () => open(database)))
    const jid = jidAt(now)
    const batch = ['a', 'A', 'b', 'c'].map(id => returnOf(jid, id))
    await Promise.all(
      stores.flatMap(store => [
        store.returner(batch),
        store.save_load([loadOf(jid)]),
        store.update_endtime([{ jid, endtime: 'x' }]),
        store.event_return([eventOf('one')]),
      ]),
    )
    expect(count(database, 'salt_returns')).toBe(4)
    expect(count(database, 'salt_events')).toBe(1)
    expect(await stores[0]!.get_load(jid)).toEqual({ ...loadOf(jid), endtime: 'x' })
  })

  it('waits for another process that writes, and says so where that takes too long', async () => {
    const database = join(await testFolder(), 'salt.db')
    const jid = jidAt(now)
    const [patient, hasty] = [await open(database), await open(database, 200)]
    await patient.returner([returnOf(jid, 'before')])
    await hasty.get_minions()
    const other = openDatabase(database, { migrations: [''] })
    onTestFinished(() => other.close())
    other.exec('BEGIN IMMEDIATE')
    const waiting = patient.returner([returnOf(jid, 'after')])
    await expect(hasty.returner([returnOf(jid, 'late')])).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringContaining(`the sqlite file ${database}: `),
    })
    other.exec('COMMIT')
    await waiting
    expect(Object.keys(await patient.get_jid(jid)).sort()).toEqual(['after', 'before'])
  })

  it('begins with an empty file where its own was removed', async () => {
    const database = join(await testFolder(), 'salt.db')
    const store = await open(database)
    await store.returner([returnOf(jidAt(now), 'web1')])
    for (const end of ['', '-wal', '-shm']) await rm(database + end, { force: true })
    await store.returner([returnOf(jidAt(now), 'web2')])
    expect(await store.get_minions()).toEqual(['web2'])
  })
})
