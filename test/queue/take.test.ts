// Taking items from a store that fails on the way.
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import type { QueueBackend } from '../../src/queue/backend.ts'
import { entryOf } from '../../src/queue/entry.ts'
import { openSqliteQueues } from '../../src/queue/sqlite.ts'
import { take } from '../../src/queue/take.ts'
import { testFolder } from '../helpers/folder.ts'

/** More than are given out at once; the store is away from the second giving out on. */
async function failing() {
  const backend = await openSqliteQueues(join(await testFolder(), 'queues.db'), { leaseMs: 60_000, tries: 3 })
  onTestFinished(() => backend.close())
  const items = Array.from({ length: 700 }, (_, n) => `item-${n}`)
  await backend.insert('q', items.map(entryOf))
  let given = 0
  const away: QueueBackend = {
    ...backend,
    async lease(...of) {
      if (given++ > 0) throw new Error('it is away')
      return backend.lease(...of)
    },
  }
  return { backend, away, items }
}

it('returns what it has removed by then, where nobody else will ever have it', async () => {
  const { backend, away, items } = await failing()
  const taken = await take(away, 'q', 700, async () => undefined, { partly: true })
  expect(taken.length).toBeGreaterThan(0)
  expect([...taken, ...(await backend.items('q', 700))]).toEqual(items)
  await expect(take(away, 'q', 1, async () => undefined, { partly: true })).rejects.toThrow('it is away')
})

it('returns of those that are removed together what the store has removed before it failed', async () => {
  const { backend, items } = await failing()
  const half: QueueBackend = {
    ...backend,
    ack: async (queue, leases) => backend.ack(queue, leases.slice(0, 100)),
  }
  const taken = await take(half, 'q', 700, async () => undefined, { partly: true })
  expect(taken).toEqual(items.slice(0, 100))
  expect(await backend.items('q', 700)).toEqual(items.slice(100))
  await expect(take(half, 'q', 700, async () => undefined)).rejects.toThrow(
    "100 of 200 items could be removed from 'q'",
  )
})

it('fails where what it has removed has been used', async () => {
  const { away } = await failing()
  await expect(take(away, 'q', 700, async () => undefined)).rejects.toThrow('it is away')
})
