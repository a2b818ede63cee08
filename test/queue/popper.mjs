// A worker that takes items of a queue, ten at a time, says what it has taken, and then is done with it; and inserts others
// meanwhile. Told on stdin what to open; killed from outside.
import { connect } from '@nats-io/transport-node'
import { createPublisher } from '../../dist/bus/publish.js'
import { createSubjects } from '../../dist/protocol/subject.js'
import { entryOf } from '../../dist/queue/entry.js'
import { openJetStreamQueues } from '../../dist/queue/jetstream.js'
import { openPostgresQueues } from '../../dist/queue/postgres.js'
import { openSqliteQueues } from '../../dist/queue/sqlite.js'

let given = ''
for await (const chunk of process.stdin) given += chunk
const { file, url, ns, postgres, queue, settings } = JSON.parse(given)

async function open() {
  if (file) return openSqliteQueues(file, settings)
  if (postgres) return openPostgresQueues(postgres, settings)
  const nc = await connect({ servers: url })
  return openJetStreamQueues({ nc, subjects: createSubjects(ns), publisher: createPublisher(nc) }, settings)
}

const backend = await open()
for (let n = 0; ; n++) {
  const leases = await backend.lease(queue, 10)
  for (const { item } of leases) process.stdout.write(`${item}\n`)
  await backend.insert(queue, [entryOf(`more-${process.pid}-${n}`)])
  await backend.ack(queue, leases)
}
