import { afterAll, beforeAll, expect, it } from 'vitest'
import { entryOf } from '../../src/queue/entry.ts'
import { openPostgresQueues } from '../../src/queue/postgres.ts'
import { queueContract } from '../contract/queues.ts'
import { describeWith } from '../helpers/database.ts'
import { hasPostgres, startPostgres, type TestPostgres } from '../helpers/postgres.ts'

const SETTINGS = { leaseMs: 60_000, tries: 3 }
let server: TestPostgres

describeWith(hasPostgres, 'the postgres backend', () => {
  beforeAll(async () => {
    server = await startPostgres()
  })
  afterAll(() => server?.stop())

  queueContract({
    open: settings => openPostgresQueues(server.settings, settings),
    popper: () => ({ postgres: server.settings }),
  })

  it('takes the settings of the returner, and its own before them', async () => {
    const other = await server.fresh()
    const own = Object.fromEntries(Object.entries(other).map(([key, value]) => [`queue.${key}`, value]))
    const backend = await openPostgresQueues({ ...server.settings, ...own }, SETTINGS)
    await backend.insert('own', [entryOf('a')])
    await backend.close()
    const client = await server.connect(other['postgres.db'])
    expect((await client.query('SELECT queue, item FROM queue_items')).rows).toEqual([{ queue: 'own', item: '"a"' }])
    await client.end()
    await expect(openPostgresQueues({ 'queue.postgres.hots': 'x' }, SETTINGS)).rejects.toMatchObject({
      code: 'bad_config',
      message: expect.stringContaining("Did you mean 'host'"),
    })
  })

  it('goes on after its server was away, and says meanwhile that it is', async () => {
    const backend = await openPostgresQueues(server.settings, SETTINGS)
    await backend.insert('away', [entryOf('a')])
    await server.halt()
    await expect(backend.length('away')).rejects.toMatchObject({ code: 'unreachable' })
    await server.start()
    expect(await backend.items('away', 10)).toEqual(['a'])
    await backend.close()
  })
})
