// A process of the raw chain: the same stored messages as an event, its reaction and its runner job leave behind, in the
// same order, without any logic. Argument: `reactor` (EVENTS → REACTIONS) or `worker` (REACTIONS → JOBS, EVENTS, DONE), the
// server, the namespace. The worker also echoes requests on `<ns>.echo`.
import { HEADER } from '../dist/protocol/event.js'
import { laneConsumer, reactorConsumer, streamNames } from '../dist/protocol/streams.js'
import { rawConsumer } from './consume.mjs'
import { openBus } from './stage.mjs'

const [role, url, namespace] = process.argv.slice(2)
const bus = await openBus(url, namespace)
const { nc, subjects, publisher } = bus
const streams = streamNames(namespace)
const CAUSE = `${subjects.eventPrefix}bench.bench.cause.`
const filler = 'x'.repeat(300)
let serial = 0

const store = (subject, body, cause) => {
  const id = `${role}-${process.pid}-${serial++}`
  return publisher.publish(subject, body, { id, headers: { [HEADER.cause]: cause } })
}

if (role === 'reactor') {
  await rawConsumer(nc, streams.events, reactorConsumer(namespace), message => {
    if (!message.subject.startsWith(CAUSE)) return message.ack()
    const n = message.subject.slice(CAUSE.length)
    void store(subjects.reaction("fast", "bench"), JSON.stringify({ n, filler })).then(() => message.ack(), () => {})
  })
} else {
  nc.subscribe(`${namespace}.echo`, { callback: (_error, message) => void message.respond(message.data) })
  await rawConsumer(nc, streams.reactions, laneConsumer(namespace, 'fast'), message => void work(message))
}

async function work(message) {
  const { n } = message.json()
  const event = tag => `${subjects.eventPrefix}_jobs.${tag}`
  await store(subjects.jobRecord(`${process.pid}-${n}`), filler)
  await store(event(`salt.run.${n}.new`), filler, n)
  await store(event(`bench.effect.${n}`), filler, n)
  await store(event(`salt.run.${n}.ret`), filler, n)
  await store(subjects.done('raw'), filler)
  message.ack()
}

process.once('SIGTERM', () => void bus.close().then(() => process.exit(0)))
process.once('disconnect', () => process.exit(0))
process.send('ready')
