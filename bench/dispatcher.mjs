// The reactor's own dispatcher on a bus of the benchmarks, with a bundle in force.
import { silentLog } from '../dist/base/log.js'
import { systemClock } from '../dist/base/clock.js'
import { deliveryFromStream } from '../dist/bus/raw.js'
import { compileBundle } from '../dist/reactor/compiled-bundle.js'
import { createDispatcher } from '../dist/reactor/dispatch.js'
import { createHandOver } from '../dist/reactor/hand-over.js'
import { createLoopGuard } from '../dist/reactor/loop.js'
import { createSuppressions } from '../dist/reactor/suppressions.js'

export function openDispatcher({ subjects, publisher }, bundle) {
  const dispatcher = createDispatcher({
    subjects,
    publisher,
    handOver: createHandOver(publisher, subjects),
    suppressions: createSuppressions(publisher, subjects, 'bench'),
    guard: createLoopGuard({ rate: 600, clock: systemClock }),
    alarms: { raise: () => undefined, clear: () => undefined },
    grainsOf: () => undefined,
    lookUp: async () => ({}),
    log: silentLog,
  })
  dispatcher.use(compileBundle(bundle))
  return dispatcher
}

/** As the reactor makes it; `done` is called for each event that is acked once its reactions are stored. */
export function storedDeliveries(nc, done) {
  // Between the receipts and the connection, so that it costs an event nothing but the call.
  const counted = {
    isClosed: () => nc.isClosed(),
    isDraining: () => nc.isDraining(),
    publish(reply, text) {
      nc.publish(reply, text)
      done()
    },
  }
  return message => deliveryFromStream(message, counted)
}
