// Stored events to decisions: 1,000 rules, events of 5,000 different tags, by the real dispatcher and consumer, beside a
// raw callback that acks (and, where the event has to be read, parses it).
import { deliveryFromStream } from '../dist/bus/raw.js'
import { ownConsumer, rawConsumer, timeConsume } from './consume.mjs'
import { openDispatcher } from './dispatcher.mjs'
import { compare } from './measure.mjs'
import { bundleOf, quietTag, rule } from './rules.mjs'
import { fillEvents, openBus } from './stage.mjs'

export const title = 'stored events decided, 1,000 rules, 5,000 tags (raw: callback consume + ack)'

const SUPPRESSED = rule('suppressed', 'fleet/*/metric/*', {
  when: { all: [{ fact: 'data', path: '$.value', operator: 'greaterThan', value: 1_000_000 }] },
})

export async function run(stage, { runs, count }) {
  const bus = await openBus(stage.url, 'decide')
  try {
    await fillEvents(bus, count, quietTag)
    const real = dispatcher => () =>
      timeConsume(bus, count, ownConsumer, (message, done) => dispatcher.handle(deliveryOf(bus.nc, message, done)))
    return [
      await compare({
        name: 'decided, no tag matches',
        unit: '/s',
        aim: { atLeast: 0.9 },
        runs,
        raw: () => timeConsume(bus, count, rawConsumer, ackOnly),
        real: real(openDispatcher(bus, bundleOf('quiet', rule('never', 'never/**')))),
      }),
      await compare({
        name: 'decided, a tag matches, when is false',
        unit: '/s',
        aim: { atLeast: 0.8 },
        runs,
        raw: () => timeConsume(bus, count, rawConsumer, parseAndAck),
        real: real(openDispatcher(bus, bundleOf('suppressed', SUPPRESSED))),
      }),
    ]
  } finally {
    await bus.close()
  }
}

const ackOnly = (message, done) => {
  message.ack()
  done()
}

let read = 0
const parseAndAck = (message, done) => {
  // Kept, so that the compiler cannot drop the parse.
  read += message.json().data.n
  message.ack()
  done()
}

/** As the reactor makes it, counting what is acked at once. */
const deliveryOf = (nc, message, done) =>
  Object.assign(deliveryFromStream(message, nc), {
    ack() {
      message.ack()
      done()
    },
  })
