// Queues: items a second into each backend and out of it again, one by one, as a rule inserts and a person pops them, and in
// batches of 500, as a drain takes them.
import { join } from 'node:path'
import { entryOf } from '../dist/queue/entry.js'
import { openJetStreamQueues } from '../dist/queue/jetstream.js'
import { openPostgresQueues } from '../dist/queue/postgres.js'
import { openSqliteQueues } from '../dist/queue/sqlite.js'
import { take } from '../dist/queue/take.js'
import { startDatabaseServers } from './database-servers.mjs'
import { median } from './measure.mjs'
import { openBus } from './stage.mjs'

export const title = 'queues: items inserted and popped'

const SETTINGS = { leaseMs: 60_000, tries: 5 }
const BATCH = 500
/** Each is a round trip, or a write to the disk. */
const SINGLE = 0.01

export async function run(stage, { runs, count }) {
  const servers = await startDatabaseServers()
  const bus = await openBus(stage.url, 'queues')
  const { postgres } = servers.stores
  const results = []
  try {
    const backends = [
      await openSqliteQueues(join(stage.dir, 'queues.db'), SETTINGS),
      await openJetStreamQueues(bus, SETTINGS),
    ]
    if (postgres) backends.push(await openPostgresQueues(postgres.settings, SETTINGS))
    else process.stderr.write(`  postgres is skipped: ${servers.missing.postgres}\n`)
    for (const backend of backends) {
      results.push(...(await measure(backend, 'in batches', BATCH, runs, count)))
      results.push(...(await measure(backend, 'one by one', 1, runs, Math.max(100, Math.round(count * SINGLE)))))
      await backend.close()
    }
  } finally {
    await bus.close()
    await servers.stop()
  }
  return results
}

async function measure(backend, how, batch, runs, count) {
  const items = Array.from({ length: count }, (_, n) => `item-${n}`)
  const [inserted, popped] = [[], []]
  for (let run = 0; run < runs; run++) {
    inserted.push(
      await perSecond(count, async () => {
        for (let from = 0; from < count; from += batch)
          await backend.insert('bench', items.slice(from, from + batch).map(entryOf))
      }),
    )
    popped.push(
      await perSecond(count, async () => {
        for (let from = 0; from < count; from += batch) {
          const taken = await take(backend, 'bench', batch, async () => undefined)
          if (taken.length !== Math.min(batch, count - from)) throw new Error(`${backend.name} gave ${taken.length} items`)
        }
      }),
    )
  }
  return [
    { name: `${backend.name}, ${how}: inserted`, unit: '/s', value: median(inserted) },
    { name: `${backend.name}, ${how}: popped`, unit: '/s', value: median(popped) },
  ]
}

async function perSecond(count, work) {
  const began = performance.now()
  await work()
  return (count / (performance.now() - began)) * 1000
}
