// Stored events to stored reactions: consume, decide, render, publish, ack, by the real dispatcher, consumer and
// publisher, beside raw loops of consume, publish, ack: with the same publisher, and with the client's own.
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { headers } from '@nats-io/transport-node'
import { readBatch } from '../dist/bus/read-batch.js'
import { HEADER } from '../dist/protocol/event.js'
import { streamNames } from '../dist/protocol/streams.js'
import { ownConsumer, rawConsumer, timeConsume } from './consume.mjs'
import { openDispatcher, storedDeliveries } from './dispatcher.mjs'
import { compare, row } from './measure.mjs'
import { bundleOf, quietTag, rule } from './rules.mjs'
import { fillEvents, openBus } from './stage.mjs'

export const title = 'stored events to stored reactions (raw: consume, publish, ack with the same publisher)'

const matching = name =>
  rule(name, 'fleet/*/metric/*', {
    when: { all: [{ fact: 'data', path: '$.value', operator: 'lessThan', value: 1_000_000 }] },
    do: [{ kind: 'runner', fun: 'event.send', params: { tag: 'alert/{{ origin }}', data: { value: '{{ data.value }}' } } }],
  })

const WINDOW = 256

export async function run(stage, { runs, count }) {
  const bus = await openBus(stage.url, 'react')
  try {
    await fillEvents(bus, count, quietTag)
    const { nc, subjects, publisher } = bus
    const stream = streamNames(subjects.ns).reactions
    const manager = await jetstreamManager(nc, { checkAPI: false })
    let serial = 0
    // A name for each run: the stream would take the ids of the run before for duplicates.
    const timed = async (prefix, open, handler, storedIn) => {
      const name = `${prefix}-${serial++}`
      const speed = await timeConsume(bus, count, open, handler(name))
      const stored = await storedIn()
      if (stored.reactions !== count || stored.events !== count)
        throw new Error(`${name}: ${stored.reactions} reactions to ${stored.events} events were stored, expected ${count}`)
      await manager.streams.purge(stream)
      return speed
    }
    const messages = async () => {
      const { state } = await manager.streams.info(stream)
      return { reactions: state.messages, events: state.messages }
    }
    const real = name => {
      const dispatcher = openDispatcher(bus, bundleOf('matching', matching(name)))
      let delivery
      return (message, done) => {
        delivery ??= storedDeliveries(nc, done)
        dispatcher.handle(delivery(message))
      }
    }
    const body = JSON.stringify({ rule: 'raw', text: 'x'.repeat(300) })
    const raw = name => {
      const subject = subjects.reaction('fast', name)
      let n = 0
      return (message, done) => {
        publisher.publish(subject, body, { id: `0123456789012345678901/${name}-${n++}` }).then(() => {
          message.ack()
          done()
        })
      }
    }
    const stored = await compare({
      name: 'reaction stored',
      unit: '/s',
      aim: { atLeast: 0.75 },
      runs,
      raw: () => timed('raw', rawConsumer, raw, messages),
      real: () => timed('real', ownConsumer, real, () => inBatches(nc, stream)),
      others: { 'js.publish': () => timed('js', rawConsumer, jsPublish(nc, subjects), messages) },
    })
    const { 'js.publish': slower } = stored.others
    const beside = row({ name: 'the same beside js.publish', unit: '/s', aim: { atLeast: 2 }, real: stored.value, raw: slower })
    return [stored, beside]
  } finally {
    await bus.close()
  }
}

/** Every reaction of every message, and the different events they are about. */
async function inBatches(nc, stream) {
  const events = new Set()
  let reactions = 0
  for (let seq = 1; ; ) {
    const found = await readBatch(nc, stream, { seq }, { messages: 500, bytes: 8 * 1024 * 1024 })
    if (found.length === 0) return { reactions, events: events.size }
    for (const message of found) {
      const batch = JSON.parse(message.text())
      reactions += batch.reactions.length
      for (const { event } of batch.reactions) events.add(event.id)
    }
    seq = found.at(-1).seq + 1
  }
}

/** The client's publisher with 256 publishes in flight. */
const jsPublish = (nc, subjects) => name => {
  const js = jetstream(nc)
  const subject = subjects.reaction('fast', name)
  const body = new TextEncoder().encode(JSON.stringify({ rule: 'raw', text: 'x'.repeat(300) }))
  const waiting = []
  let head = 0
  let inFlight = 0
  let n = 0
  const pump = () => {
    while (inFlight < WINDOW && head < waiting.length) {
      const { message, done } = waiting[head++]
      inFlight++
      const own = headers()
      own.set(HEADER.id, `0123456789012345678901/${name}-${n++}`)
      js.publish(subject, body, { headers: own }).then(() => {
        inFlight--
        message.ack()
        done()
        pump()
      })
    }
  }
  return (message, done) => {
    waiting.push({ message, done })
    pump()
  }
}
