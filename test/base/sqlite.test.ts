import { chmod, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openDatabase, type SqliteOptions, type SqlValue, sqliteCode } from '../../src/base/sqlite.ts'
import { testFolder } from '../helpers/folder.ts'

const ONE = 'create table words(word text primary key, n real)'

async function newFile(): Promise<string> {
  return join(await testFolder(), 'x.db')
}
function open(file: string, options: Partial<SqliteOptions> = {}) {
  const db = openDatabase(file, { migrations: [ONE], ...options })
  onTestFinished(() => db.close())
  return db
}
/** What the call throws. */
function thrown(call: () => unknown): unknown {
  try {
    call()
  } catch (error) {
    return error
  }
  return undefined
}

describe('a SQLite file', () => {
  it('keeps what was written, over a close', async () => {
    const file = await newFile()
    const first = open(file)
    expect(first.prepare('insert into words values(?, ?)').run('a', 1.5)).toBe(1)
    first.close()
    first.close()
    const again = open(file).prepare('select * from words where word = ?')
    expect(again.get('a')).toEqual({ word: 'a', n: 1.5 })
    expect(again.get('b')).toBeUndefined()
    expect(again.all('a')).toEqual([{ word: 'a', n: 1.5 }])
  })

  it('is for its owner alone, with its log, also where it was not before', async () => {
    const file = await newFile()
    await writeFile(file, '')
    await chmod(file, 0o644)
    open(file).prepare('insert into words values(?, ?)').run('secret', 1)
    for (const one of [file, `${file}-wal`, `${file}-shm`]) expect((await stat(one)).mode & 0o777).toBe(0o600)
  })

  it('undoes a transaction that throws, and goes on', async () => {
    const db = open(await newFile())
    const insert = db.prepare('insert into words values(?, ?)')
    expect(() =>
      db.transaction(() => {
        insert.run('a', 1)
        throw new Error('no more')
      }),
    ).toThrow('no more')
    expect(db.transaction(() => insert.run('b', 2))).toBe(1)
    expect(db.prepare('select word from words').all()).toEqual([{ word: 'b' }])
  })

  it('brings older tables up to the newest version, once', async () => {
    const file = await newFile()
    const before = open(file)
    before.prepare('insert into words values(?, ?)').run('kept', 1)
    before.close()
    const migrations = [ONE, 'alter table words add column more text; create index by_n on words(n)']
    open(file, { migrations }).close()
    const db = open(file, { migrations })
    expect(db.prepare('select * from words').all()).toEqual([{ word: 'kept', n: 1, more: null }])
  })

  it('leaves a file alone whose new version does not go through', async () => {
    const file = await newFile()
    open(file).close()
    expect(() => open(file, { migrations: [ONE, 'create table more(a); create table words(a)'] })).toThrow(/words/)
    const db = open(file)
    expect(db.prepare("select name from sqlite_master where type = 'table'").all()).toEqual([{ name: 'words' }])
  })

  it('refuses a file of a newer version, by name', async () => {
    const file = await newFile()
    open(file, { migrations: [ONE, 'create table more(a)'] }).close()
    expect(thrown(() => open(file))).toMatchObject({
      code: 'unreadable',
      message: expect.stringMatching(/x\.db has tables of version 2; this program knows them up to 1/),
    })
  })

  it.each([
    ['is no SQLite file', (file: string) => writeFile(file, 'not a database. '.repeat(500))],
    [
      'has lost its end',
      async (file: string) => {
        const db = open(file)
        for (let n = 0; n < 500; n++) db.prepare('insert into words values(?, ?)').run(`${n}${'x'.repeat(100)}`, n)
        db.close()
        await truncate(file, 8192)
      },
    ],
  ])('says what to do about a file that %s', async (_what, spoil) => {
    const file = await newFile()
    await spoil(file)
    expect(thrown(() => open(file, { migrations: [ONE, 'create index by_n on words(n)'] }))).toMatchObject({
      code: 'unreadable',
      message: expect.stringMatching(/x\.db is damaged or no SQLite file .*move it away, with .*x\.db-wal/),
    })
  })

  it('says which file cannot be made', () => {
    expect(thrown(() => open('/nonexistent/folder/x.db'))).toMatchObject({
      code: 'unwritable',
      message: expect.stringContaining('/nonexistent/folder/x.db'),
    })
  })

  it.each<[string, unknown]>([
    ['a boolean', true],
    ['a map', { word: 'a' }],
    ['a list', ['a']],
    ['nothing', undefined],
    ['a text with a NUL', 'a\0b'],
  ])('refuses %s as a parameter, instead of ending the process or cutting it short', async (_what, value) => {
    const db = open(await newFile())
    const insert = db.prepare('insert into words values(?, ?)')
    expect(() => insert.run(value as SqlValue, 1)).toThrow(/cannot be a parameter of SQL/)
    expect(db.prepare('select * from words').all()).toEqual([])
  })

  it('lets two open the same file, and says so when the other writes for too long', async () => {
    const file = await newFile()
    const [one, two] = [open(file), open(file, { busyMs: 20 })]
    const insertTwo = two.prepare('insert into words values(?, ?)')
    const refusal = one.transaction(() => {
      one.prepare('insert into words values(?, ?)').run('one', 1)
      return thrown(() => two.transaction(() => insertTwo.run('two', 2)))
    })
    expect(sqliteCode(refusal)).toBe('SQLITE_BUSY')
    two.transaction(() => insertTwo.run('two', 2))
    expect(one.prepare('select word from words order by word').all()).toEqual([{ word: 'one' }, { word: 'two' }])
  })
})
