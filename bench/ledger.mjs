// What the ledger costs: reactions executed by the worker's own loop with the ledger, beside the same with one that stores nothing
// and knows nothing. Each does what the smallest runner job does: it stores its `new`, an effect and its `ret`.
import { jetstreamManager } from '@nats-io/jetstream'
import { systemClock } from '../dist/base/clock.js'
import { silentLog } from '../dist/base/log.js'
import { createStack } from '../dist/base/service.js'
import { openLedger } from '../dist/jobs/ledger.js'
import { startReactions } from '../dist/jobs/reactions/start.js'
import { newEventId } from '../dist/protocol/event.js'
import { laneConsumer, streamNames } from '../dist/protocol/streams.js'
import { compare } from './measure.mjs'
import { openBus } from './stage.mjs'

export const title = 'reactions executed, with the ledger (raw: without it)'

/** As many as are decided in a turn under load. */
const IN_BATCH = 20
const CONCURRENCY = 128

export async function run(stage, { runs, count }) {
  const bus = await openBus(stage.url, 'ledger')
  try {
    const timed = open => execute(bus, count, open)
    const { nc, subjects, publisher } = bus
    let serial = 0
    const row = await compare({
      name: 'reactions with the ledger',
      unit: '/s',
      aim: { atLeast: 0.9 },
      runs,
      raw: () => timed(async () => ({ has: () => false, retrying: () => undefined, sync: async () => {}, append: async () => {}, stop: async () => {} })),
      real: () => timed(() => openLedger(nc, subjects, publisher, `bench${serial++}`, silentLog)),
    })
    return [row]
  } finally {
    await bus.close()
  }
}

/** Reactions a second, from the first to the last that is done, of a stream that was full before. */
async function execute({ nc, subjects, publisher, fire }, count, open) {
  const { streams, consumers } = await jetstreamManager(nc, { checkAPI: false })
  const stream = streamNames(subjects.ns).reactions
  await fill({ subjects, publisher }, count)
  const stack = createStack()
  try {
    let left = count
    let began = 0
    let finish
    const finished = new Promise(resolve => {
      finish = resolve
    })
    const ledger = stack.add(await open())
    stack.add(
      await startReactions({
        ...{ nc, subjects, publisher, fire, ledger },
        alarms: { raise: () => undefined, clear: () => undefined },
        publishJob: undefined,
        callWheel: undefined,
        runFunction: async () => {
          began ||= performance.now()
          await fire('salt/run/20261121000000000000/new', {})
          await fire('bench/effect', {})
          const told = fire('salt/run/20261121000000000000/ret', {})
          return { jid: '20261121000000000000', outcome: { ok: true, value: true }, told }
        },
        fleet: { values: new Map() },
        concurrency: CONCURRENCY,
        clock: systemClock,
        log: silentLog,
      }),
    )
    const timer = setInterval(async () => {
      const { state } = await streams.info(stream)
      left = state.messages
      if (left === 0) finish(performance.now())
    }, 50)
    const ended = await finished.finally(() => clearInterval(timer))
    return (count / (ended - began)) * 1000
  } finally {
    await stack.stop()
    for (const lane of ['fast', 'slow']) await consumers.delete(stream, laneConsumer(subjects.ns, lane).durable_name)
    await streams.purge(streamNames(subjects.ns).done)
  }
}

async function fill({ subjects, publisher }, count) {
  const subject = subjects.reaction('fast', 'bench')
  const actions = [{ kind: 'runner', fun: 'bench.effect', arg: [], kwarg: { tag: 'bench/effect', data: {} } }]
  const stored = []
  for (let n = 0; n < count; n += IN_BATCH) {
    const reactions = Array.from({ length: IN_BATCH }, (_, i) => ({
      event: { id: newEventId(), tag: 'bench/cause', origin: 'bench', seq: n + i + 1, storedMs: Date.now(), hops: 0 },
      actions,
    }))
    stored.push(publisher.publish(subject, JSON.stringify({ rule: 'bench', bundle: 'b', reactions }), { id: newEventId() }))
  }
  await Promise.all(stored)
}
