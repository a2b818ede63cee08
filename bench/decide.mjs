// Stored events to decisions: 1,000 rules, events of 5,000 different tags, by the real dispatcher and consumer, beside a
// raw callback that acks (and, where the event has to be read, parses it).
import { silentLog } from '../dist/base/log.js'
import { deliveryFromStream } from '../dist/bus/raw.js'
import { createDispatcher } from '../dist/reactor/dispatch.js'
import { ownConsumer, rawConsumer, timeConsume } from './consume.mjs'
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
    const { subjects, publisher } = bus
    const dispatcherOf = bundle => {
      const dispatcher = createDispatcher({ subjects, publisher, grainsOf: () => undefined, log: silentLog })
      dispatcher.use(bundle)
      return dispatcher
    }
    const real = dispatcher => () =>
      timeConsume(bus, count, ownConsumer, (message, done) => dispatcher.handle(deliveryOf(message, done)))
    const aim = { atLeast: 0.8 }
    return [
      await compare({
        name: 'decided, no tag matches',
        unit: '/s',
        aim,
        runs,
        raw: () => timeConsume(bus, count, rawConsumer, ackOnly),
        real: real(dispatcherOf(bundleOf('quiet', rule('never', 'never/**')))),
      }),
      await compare({
        name: 'decided, a tag matches, when is false',
        unit: '/s',
        aim,
        runs,
        raw: () => timeConsume(bus, count, rawConsumer, parseAndAck),
        real: real(dispatcherOf(bundleOf('suppressed', SUPPRESSED))),
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

/** As the reactor makes it, counting. */
export const deliveryOf = (message, done) =>
  Object.assign(deliveryFromStream(message), {
    ack() {
      message.ack()
      done()
    },
  })
