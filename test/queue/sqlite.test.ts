import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openDatabase } from '../../src/base/sqlite.ts'
import { entryOf, keyOf } from '../../src/queue/entry.ts'
import { queueTables } from '../../src/queue/sql.ts'
import { openSqliteQueues } from '../../src/queue/sqlite.ts'
import { queueContract } from '../contract/queues.ts'
import { testFolder } from '../helpers/folder.ts'

const SETTINGS = { leaseMs: 60_000, tries: 3 }
let dir: string

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'reactor-queue-'))
})
afterAll(() => rm(dir, { recursive: true, force: true }))

describe('the sqlite backend', () => {
  const file = () => join(dir, 'deep/queues.db')
  queueContract({ open: settings => openSqliteQueues(file(), settings), popper: () => ({ file: file() }) })

  it('keeps items over a restart, in a file for its owner alone', async () => {
    const own = join(await testFolder(), 'queues.db')
    const first = await openSqliteQueues(own, SETTINGS)
    await first.insert('q', ['a', 'b'].map(entryOf))
    await first.close()
    expect((await stat(own)).mode & 0o777).toBe(0o600)
    const again = await openSqliteQueues(own, SETTINGS)
    expect(await again.items('q', 10)).toEqual(['a', 'b'])
    await again.close()
  })

  it('goes on with a file of a version that knew nothing of causes', async () => {
    const own = join(await testFolder(), 'queues.db')
    const before = openDatabase(own, { migrations: [queueTables('INTEGER PRIMARY KEY AUTOINCREMENT').join(';\n')] })
    before.exec("INSERT INTO queue_names (name) VALUES ('q')")
    before.exec(`INSERT INTO queue_items (queue, key, uid, item, due) VALUES ('q', '${keyOf('a')}', 'u', '"a"', 1)`)
    before.close()
    const backend = await openSqliteQueues(own, SETTINGS)
    expect(await backend.insert('q', ['a', 'b'].map(entryOf))).toEqual(new Set([keyOf('a')]))
    expect(await backend.counts('q')).toMatchObject({ waiting: 2, leased: 0, dead: 0, oldestMs: expect.any(Number) })
    expect((await backend.lease('q', 10)).map(({ item, trace }) => [item, trace])).toEqual([
      ['a', undefined],
      ['b', undefined],
    ])
    await backend.close()
  })

  it('gives up, saying why, where another writes without end', async () => {
    const own = join(await testFolder(), 'queues.db')
    const backend = await openSqliteQueues(own, SETTINGS)
    const other = openDatabase(own, { migrations: ['SELECT 1', 'SELECT 1'] })
    other.exec('BEGIN IMMEDIATE')
    await expect(backend.insert('q', [entryOf('a')])).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringContaining('another process has been writing'),
    })
    other.exec('ROLLBACK')
    await backend.insert('q', [entryOf('a')])
    expect(await backend.length('q')).toBe(1)
    other.close()
    await backend.close()
  })

  it('takes nothing into a file that somebody has removed', async () => {
    const folder = await testFolder()
    const own = join(folder, 'queues.db')
    const backend = await openSqliteQueues(own, SETTINGS)
    await backend.insert('q', [entryOf('a')])
    for (const end of ['', '-wal', '-shm']) await rm(`${own}${end}`, { force: true })
    await backend.insert('q', [entryOf('b')])
    const other = await openSqliteQueues(own, SETTINGS)
    expect(await other.items('q', 10)).toEqual(['b'])
    await other.close()
    await backend.close()
  })

  it('takes nothing into a file in whose place there is another by now', async () => {
    const own = join(await testFolder(), 'queues.db')
    const [one, other] = [await openSqliteQueues(own, SETTINGS), await openSqliteQueues(own, SETTINGS)]
    for (const end of ['', '-wal', '-shm']) await rm(`${own}${end}`, { force: true })
    await one.insert('q', [entryOf('a')])
    await other.insert('q', [entryOf('b')])
    expect(await one.items('q', 10)).toEqual(['a', 'b'])
    await one.close()
    await other.close()
  })

  it('says of a file that is none of its own that it is not', async () => {
    const own = join(await testFolder(), 'queues.db')
    await writeFile(own, 'no database, and long enough to be read as the head of one'.repeat(40))
    await expect(openSqliteQueues(own, SETTINGS)).rejects.toMatchObject({ code: 'unreadable' })
    expect(await readFile(own, 'utf8')).toContain('no database')
  })
})
