// Dispatchers on a real server: when events are acked, and what is stored when reactors die or share the load.
import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { silentLog } from '../../src/base/log.ts'
import { consumeDurable } from '../../src/bus/consume.ts'
import { createPublisher, type Publisher } from '../../src/bus/publish.ts'
import { deliveryFromStream } from '../../src/bus/raw.ts'
import { type ReactionBatch, workKey } from '../../src/protocol/reaction.ts'
import { reactorConsumer, streamNames } from '../../src/protocol/streams.ts'
import { compileBundle } from '../../src/reactor/compiled-bundle.ts'
import { createDispatcher } from '../../src/reactor/dispatch.ts'
import { createHandOver } from '../../src/reactor/hand-over.ts'
import { createLoopGuard } from '../../src/reactor/loop.ts'
import { createSuppressions } from '../../src/reactor/suppressions.ts'
import { type Core, openCore, storedIn } from '../helpers/core.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { createGate, createSeen } from '../helpers/wait.ts'
import { bundle } from './dispatching.ts'

const RULES = 'rule: one\non: my/**\ndo: runner.test.arg\n---\nrule: two\non: my/even/*\ndo: runner.test.arg\n'
let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

interface Options {
  publisher?: (real: Publisher) => Publisher
  /** Acks do not arrive: as of a reactor that died before it sent them. */
  mute?: boolean
  /** Milliseconds after which an event that is not acked comes again. */
  ackWaitMs?: number
}

/** A reactor of its own connection on the shared consumer. */
async function startReactor(
  { ns, subjects }: Core,
  { publisher: wrap = real => real, mute = false, ackWaitMs = 60_000 }: Options = {},
) {
  const nc = await connect({ servers: server.url })
  const real = createPublisher(nc)
  const publisher = wrap(real)
  const settled = createSeen<number>()
  const dispatcher = createDispatcher({
    ...{ subjects, publisher, grainsOf: () => undefined, lookUp: async () => ({}), log: silentLog },
    handOver: createHandOver(publisher, subjects),
    suppressions: createSuppressions(publisher, subjects, 'r1'),
    guard: createLoopGuard({ rate: 600, clock: systemClock }),
    alarms: { raise: () => undefined, clear: () => undefined },
  })
  dispatcher.use(compileBundle(bundle('b1', RULES)))
  const consumer = await consumeDurable(nc, {
    stream: streamNames(ns).events,
    consumer: { ...reactorConsumer(ns), ack_wait: ackWaitMs * 1_000_000 },
    ahead: 20,
    log: silentLog,
    onMessage(message) {
      const delivery = deliveryFromStream(message, nc)
      const receipt = delivery.receipt()
      const ack = () => {
        if (!mute) receipt.ack()
        settled.push(message.seq)
      }
      dispatcher.handle(
        Object.assign(delivery, {
          ack,
          receipt: () => ({ ...receipt, retry: () => receipt.retry(), working: () => receipt.working(), ack }),
        }),
      )
    },
  })
  const stop = async () => {
    await consumer.stop()
    await dispatcher.idle()
    real.stop()
    await nc.close()
  }
  onTestFinished(stop)
  return { dispatcher, settled, stop }
}

const fireEvents = async ({ fire }: Core, count: number) => {
  const fired = await Promise.all(
    Array.from({ length: count }, (_, n) => fire(n % 2 === 0 ? `my/even/${n}` : `my/odd/${n}`, { n })),
  )
  return fired
    .flatMap(({ id }, n) => (n % 2 === 0 ? [workKey(id, 'one'), workKey(id, 'two')] : [workKey(id, 'one')]))
    .sort()
}
const storedKeys = async ({ nc, ns }: Core) => {
  const messages = await storedIn<ReactionBatch>(nc, streamNames(ns).reactions)
  return messages.flatMap(({ body }) => body.reactions.map(({ event }) => workKey(event.id, body.rule))).sort()
}
const unacked = async ({ nc, ns }: Core) => {
  const info = await (await jetstreamManager(nc)).consumers.info(
    streamNames(ns).events,
    reactorConsumer(ns).durable_name,
  )
  return info.num_ack_pending + info.num_pending
}

it('events are acked once their reactions are stored, and not before', async () => {
  const core = await openCore(server)
  const gate = createGate()
  const asked = createSeen<string>()
  const held = (real: Publisher): Publisher => ({
    ...real,
    async publish(...args) {
      asked.push(args[0])
      await gate.passed
      return real.publish(...args)
    },
  })
  const { settled } = await startReactor(core, { publisher: held })
  const keys = await fireEvents(core, 10)
  await asked.reach(2)
  expect(settled.items).toEqual([])
  expect(await unacked(core)).toBe(10)
  gate.open()
  await settled.reach(10)
  expect(await storedKeys(core)).toEqual(expect.arrayContaining(keys))
  expect(new Set(settled.items).size).toBe(10)
})

it('what a reactor stored and did not ack comes under the same keys from the next one', async () => {
  const core = await openCore(server)
  const dying = await startReactor(core, { mute: true, ackWaitMs: 1000 })
  const keys = await fireEvents(core, 30)
  await dying.settled.reach(30)
  await dying.stop()
  const next = await startReactor(core, { ackWaitMs: 1000 })
  for (let seq = 1; seq <= 30; seq++) await next.settled.find(one => one === seq, `event ${seq} again`)
  const stored = await storedKeys(core)
  expect([...new Set(stored)]).toEqual(keys)
  expect(stored.length).toBeGreaterThan(keys.length)
})

it('two reactors share the events, and each reaction is stored once', async () => {
  const core = await openCore(server)
  const both = [await startReactor(core), await startReactor(core)]
  const keys = await fireEvents(core, 400)
  const acked = createSeen<number>()
  for (const { settled } of both) {
    for (const seq of settled.items) acked.push(seq)
    const { push } = settled
    settled.push = seq => {
      push(seq)
      acked.push(seq)
    }
  }
  await acked.reach(400)
  expect(await storedKeys(core)).toEqual(keys)
  for (const { dispatcher } of both) expect(dispatcher.stats().events).toBeGreaterThan(0)
})
