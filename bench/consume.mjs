// Timed consumption of a filled stream: by the project's own consumer, and raw, by the client's callback alone.
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { silentLog } from '../dist/base/log.js'
import { consumeDurable } from '../dist/bus/consume.js'
import { EVENTS_AHEAD, reactorConsumer, streamNames } from '../dist/protocol/streams.js'

let serial = 0


/**
 * Reads `count` events with a durable consumer of its own, with the reactor's settings. `onMessage(message, done)` calls
 * `done` once a message; gives messages a second from the first delivery to the last `done`.
 */
export async function timeConsume({ nc, subjects }, count, open, onMessage) {
  const stream = streamNames(subjects.ns).events
  const consumer = { ...reactorConsumer(subjects.ns), durable_name: `bench_${serial++}` }
  let left = count
  let started = 0
  let finish
  const finished = new Promise(resolve => {
    finish = resolve
  })
  const done = () => {
    left -= 1
    if (left === 0) finish(performance.now())
  }
  const running = await open(nc, stream, consumer, message => {
    started ||= performance.now()
    onMessage(message, done)
  })
  const ended = await finished
  await nc.flush()
  await running.stop()
  await (await jetstreamManager(nc, { checkAPI: false })).consumers.delete(stream, consumer.durable_name)
  return (count / (ended - started)) * 1000
}

/** The project's consumer. */
export const ownConsumer = (nc, stream, consumer, onMessage) =>
  consumeDurable(nc, { stream, consumer, ahead: EVENTS_AHEAD, log: silentLog, onMessage })

/** The client's, with nothing around it. */
export async function rawConsumer(nc, stream, consumer, callback) {
  const js = jetstream(nc)
  await (await js.jetstreamManager(false)).consumers.add(stream, consumer)
  const messages = await (await js.consumers.get(stream, consumer.durable_name)).consume({ max_messages: EVENTS_AHEAD, callback })
  return { stop: async () => messages.stop() }
}
