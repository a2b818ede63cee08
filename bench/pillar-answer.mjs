// Answers every request for pillar with the same bytes: what a pillar costs at the least.
import { connect } from '@nats-io/transport-node'
import { createSubjects } from '../dist/protocol/subject.js'

const [url, namespace, answer] = process.argv.slice(2)
const nc = await connect({ servers: url })
nc.subscribe(createSubjects(namespace).anyMinion('pillar'), {
  queue: 'raw',
  callback: (_error, message) => message.respond(answer),
})
await nc.flush()
process.send('ready')
