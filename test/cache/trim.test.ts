import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { Alarms } from '../../src/alarms/alarms.ts'
import { createRoomAlarms, lookAtEvents, type Reader } from '../../src/alarms/room.ts'
import { watchStores } from '../../src/alarms/stores.ts'
import { openWindowReaders } from '../../src/alarms/window-readers.ts'
import { systemClock } from '../../src/base/clock.ts'
import { openBucket } from '../../src/bus/bucket.ts'
import { consumeDurable } from '../../src/bus/consume.ts'
import { provisionConsumer, provisionStreams } from '../../src/bus/provision.ts'
import { startTrimming, trim } from '../../src/cache/trim.ts'
import { ACTIVE } from '../../src/protocol/rule-view.ts'
import { bucketNames, cacheConsumer, DEFAULT_LIMITS, reactorConsumer, streamNames } from '../../src/protocol/streams.ts'
import { windowHeadKey } from '../../src/protocol/window-head.ts'
import { type Core, keptLog, openCore } from '../helpers/core.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { createSeen, within } from '../helpers/wait.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const KiB = 1024
const BODY = 'x'.repeat(KiB)
const none = async (): Promise<Reader[]> => []

interface Told {
  kind: string
  about: string
  data?: Record<string, unknown>
}

/** Alarms as they are raised and cleared. */
function keptAlarms() {
  const told = createSeen<Told>()
  const standing = new Set<string>()
  const alarms: Alarms = {
    raise(kind, about, data) {
      if (standing.has(kind + about)) return
      standing.add(kind + about)
      told.push({ kind, about, data })
    },
    clear(kind, about) {
      if (standing.delete(kind + about)) told.push({ kind, about })
    },
  }
  return { alarms, told }
}

/** A namespace whose EVENTS takes so many bytes, with its readers. */
async function open(eventsMaxBytes: number, readers: ('reactor' | 'cache')[] = ['reactor', 'cache']) {
  const core = await openCore(server)
  const { nc, ns } = core
  await provisionStreams(nc, ns, { ...DEFAULT_LIMITS, eventsMaxBytes })
  const wanted = { reactor: reactorConsumer(ns), cache: cacheConsumer(ns) }
  const stream = streamNames(ns).events
  for (const name of readers) await provisionConsumer(nc, stream, wanted[name])
  const jsm = await jetstreamManager(nc, { checkAPI: false })
  const { alarms, told } = keptAlarms()
  return {
    ...core,
    jsm,
    alarms,
    told,
    stream,
    fill: async (count: number, body = BODY) => {
      for (let i = 0; i < count; i++) await core.fire('load', { body, i })
    },
    /** Reads and acks so many events as that reader; the acks have arrived. */
    read: async (name: 'reactor' | 'cache', count: number) => {
      const consumer = await jetstream(nc).consumers.get(stream, wanted[name].durable_name)
      const messages = await consumer.fetch({ max_messages: count })
      for await (const message of messages) await message.ackAck()
    },
    look: (others = none, now = Date.now) => lookAtEvents({ jsm, ns, others, now }),
    state: async () => (await jsm.streams.info(stream)).state,
  }
}

const watchParts = ({ nc, ns, alarms }: Core & { alarms: Alarms }) => ({
  ...{ nc, ns, alarms, others: none, clock: systemClock },
  log: keptLog().log,
})

describe('the trimming of EVENTS', () => {
  it('leaves a store alone that has room, though all of it has been read', async () => {
    const events = await open(256 * KiB)
    await events.fill(100)
    await events.read('reactor', 100)
    await events.read('cache', 100)
    await trim(await events.look(), events.jsm, events.stream)
    expect((await events.state()).messages).toBe(100)
  })

  it('removes nothing before its own cache worker has come to read', async () => {
    const events = await open(256 * KiB, ['reactor'])
    await events.fill(205)
    await events.read('reactor', 205)
    const room = await lookAtEvents({ jsm: events.jsm, ns: events.ns, hasCache: true, others: none, now: Date.now })
    expect((await trim(room, events.jsm, events.stream)).messages).toBe(205)
  })

  it('removes the oldest that have been read, down to about 60 % of the bound', async () => {
    const events = await open(256 * KiB)
    await events.fill(180)
    await events.read('reactor', 180)
    await events.read('cache', 180)
    const before = await events.state()
    expect(before.bytes).toBeGreaterThan(0.8 * 256 * KiB)
    const after = await trim(await events.look(), events.jsm, events.stream)
    expect(after.bytes).toBeLessThanOrEqual(0.65 * 256 * KiB)
    expect(after.bytes).toBeGreaterThan(0.5 * 256 * KiB)
    expect(after.last_seq).toBe(180)
    expect(after.messages).toBe(after.last_seq - after.first_seq + 1)
  })

  it('takes hardly more than it must where the oldest events are the large ones', async () => {
    const events = await open(256 * KiB)
    await events.fill(10, 'x'.repeat(12 * KiB))
    await events.fill(300, 'x'.repeat(100))
    await events.read('reactor', 310)
    await events.read('cache', 310)
    const after = await trim(await events.look(), events.jsm, events.stream)
    expect(after.bytes).toBeGreaterThan(0.45 * 256 * KiB)
    expect(after.bytes).toBeLessThanOrEqual(0.65 * 256 * KiB)
  })

  it('removes nothing that the reactor, the cache worker or a checkpoint has yet to read', async () => {
    const events = await open(256 * KiB)
    await events.fill(205)
    await events.read('reactor', 205)
    await events.read('cache', 12)
    expect((await trim(await events.look(), events.jsm, events.stream)).first_seq).toBe(13)
    const checkpoint = async () => [{ name: 'the stateful rules', floor: 20 }]
    await events.read('cache', 193)
    expect((await trim(await events.look(checkpoint), events.jsm, events.stream)).first_seq).toBe(21)
    expect((await trim(await events.look(), events.jsm, events.stream)).bytes).toBeLessThanOrEqual(0.65 * 256 * KiB)
  })

  it('removes nothing while rules are in force and no reactor has come to read', async () => {
    const events = await open(256 * KiB, ['cache'])
    await events.fill(205)
    await events.read('cache', 205)
    const rules = await openBucket(events.nc, bucketNames(events.ns).rules, { replicas: 1 })
    await rules.put(ACTIVE, '{}')
    expect((await trim(await events.look(), events.jsm, events.stream)).messages).toBe(205)
    await provisionConsumer(events.nc, events.stream, reactorConsumer(events.ns))
    await events.read('reactor', 100)
    expect((await trim(await events.look(), events.jsm, events.stream)).first_seq).toBeGreaterThan(1)
    expect((await events.state()).first_seq).toBeLessThanOrEqual(101)
  })

  it('counts what was handed out and not acked as unread', async () => {
    const events = await open(256 * KiB)
    await events.fill(180)
    await events.read('cache', 180)
    await events.read('reactor', 5)
    const consumer = await jetstream(events.nc).consumers.get(events.stream, `${events.ns}_reactor`)
    const left = await consumer.next()
    expect(left?.seq).toBe(6)
    await events.read('reactor', 174)
    expect((await trim(await events.look(), events.jsm, events.stream)).first_seq).toBe(6)
  })

  it('does not wait for a reader that never was', async () => {
    const events = await open(256 * KiB, ['cache'])
    await events.fill(180)
    await events.read('cache', 180)
    expect((await trim(await events.look(), events.jsm, events.stream)).first_seq).toBeGreaterThan(1)
  })

  it('removes no more when two cache workers do it at once', async () => {
    const events = await open(256 * KiB)
    await events.fill(180)
    await events.read('reactor', 180)
    await events.read('cache', 180)
    const room = await events.look()
    await Promise.all([trim(room, events.jsm, events.stream), trim(room, events.jsm, events.stream)])
    expect((await events.state()).bytes).toBeGreaterThan(0.45 * 256 * KiB)
  })

  it('lets many times the bound through, unread events never refused, as long as they are read', async () => {
    const bound = 4096 * KiB
    const events = await open(bound, [])
    const { nc, ns, stream } = events
    const trimming = await startTrimming(watchParts(events))
    onTestFinished(() => trimming.stop())
    const untilBelow = async (bytes: number) => {
      while ((await events.state()).bytes > bytes) await new Promise(resolve => setImmediate(resolve))
    }
    const read = createSeen<number>()
    for (const consumer of [reactorConsumer(ns), cacheConsumer(ns)]) {
      const isCache = consumer.durable_name === cacheConsumer(ns).durable_name
      const reading = await consumeDurable(nc, {
        ...{ stream, consumer, log: keptLog().log },
        onMessage(message) {
          if (isCache) trimming.saw(message.data.length)
          read.push(message.seq)
          message.ack()
        },
      })
      onTestFinished(() => reading.stop())
    }
    for (let round = 1; round <= 200; round++) {
      await Promise.all(Array.from({ length: 16 }, (_, i) => events.fire('load', { body: BODY.repeat(8), i })))
      await read.reach(round * 16 * 2)
      // Who reads and who trims are other processes on a machine that may be busy.
      await within(untilBelow(0.9 * bound), 'room for the next events')
    }
    const { last_seq: last, bytes } = await events.state()
    expect(last).toBe(3200)
    expect(new Set(read.items).size).toBe(3200)
    expect(bytes).toBeLessThanOrEqual(bound)
    expect(trimming.stats().trimmed).toBeGreaterThan(2000)
    expect(events.told.items).toEqual([])
  })
})

describe('the checkpoints of stateful rules', () => {
  it('hold their events, those of another stream and of nothing do not', async () => {
    const events = await open(256 * KiB)
    const { nc, ns, jsm } = events
    const bucket = await openBucket(nc, bucketNames(ns).windows, { replicas: 1 })
    const { log, lines } = keptLog()
    let later = 0
    const now = () => Date.now() + later
    const readers = await openWindowReaders({ nc, ns, replicas: 1, now, log })
    const created = String((await jsm.streams.info(events.stream)).created)
    expect(await readers(created)).toEqual([])
    const head = { seq: 20, at: 1, created, rules: {} }
    await bucket.put(windowHeadKey(0), JSON.stringify(head))
    await bucket.put(windowHeadKey(1), JSON.stringify({ ...head, seq: 7, created: 'another' }))
    await bucket.put(`${windowHeadKey(0)}.rule.1.0`, 'a part of a state')
    expect(await readers(created)).toEqual([])
    later += 5001
    expect(await readers(created)).toEqual([{ name: 'the stateful rules', floor: 20 }])
    await bucket.purge(windowHeadKey(0))
    await bucket.put(windowHeadKey(2), 'what is none')
    later += 5001
    expect(await readers(created)).toEqual([{ name: 'the stateful rules', floor: 0 }])
    await lines.find(({ partition }) => partition === '2', 'the word about the head that cannot be read')
  })
})

describe('the alarms about EVENTS', () => {
  it('say who has not read before anything is refused, and that it is over', async () => {
    const events = await open(256 * KiB)
    const { jsm, ns, alarms, told, stream } = events
    const tell = createRoomAlarms({ jsm, ns, alarms, now: Date.now })
    const look = async () => {
      const room = await events.look()
      await tell({ ...room, state: await trim(room, jsm, stream) })
    }
    let refused: unknown
    let stored = 0
    while (refused === undefined && stored < 1000) {
      try {
        await events.fill(1)
        stored++
        await events.read('cache', 1)
        await look()
      } catch (error) {
        refused = error
        expect(told.items).toHaveLength(1)
      }
    }
    expect(refused).toMatchObject({
      code: 'store_refused',
      message: expect.stringContaining('maximum bytes exceeded'),
    })
    expect((await events.state()).first_seq).toBe(1)
    const [alarm] = told.items
    expect(alarm).toMatchObject({ kind: 'store_full', about: 'EVENTS', data: { max_bytes: 256 * KiB } })
    const { unread, message } = alarm!.data as { unread: { name: string; behind: number }[]; message: string }
    expect(unread.map(({ name }) => name)).toEqual(['the reactor'])
    expect(unread[0]!.behind).toBeLessThan(stored)
    expect(message).toContain(`the reactor has yet to read ${unread[0]!.behind} events`)

    await events.read('reactor', stored)
    await look()
    expect(told.items.slice(1)).toEqual([{ kind: 'store_full', about: 'EVENTS' }])
    await events.fill(1)
  })

  it('tell of history that nobody removes, once a second look finds it still there', async () => {
    const events = await open(64 * KiB, ['reactor'])
    const { jsm, ns, alarms, told } = events
    const tell = createRoomAlarms({ jsm, ns, alarms, now: Date.now })
    await events.fill(52)
    await events.read('reactor', 52)
    await tell(await events.look())
    expect(told.items).toEqual([])
    await tell(await events.look())
    expect(told.items).toMatchObject([{ data: { message: expect.stringContaining('does a cache worker run?') } }])
  })

  it('tell of events that are about to go unread, and that they have been read', async () => {
    const events = await open(256 * KiB)
    const { jsm, ns, alarms, told } = events
    let later = 0
    const now = () => Date.now() + later
    const tell = createRoomAlarms({ jsm, ns, alarms, now })
    const DAY = 86_400_000
    await events.fill(3)
    await events.read('cache', 3)
    await events.read('reactor', 1)
    later = 0.79 * DEFAULT_LIMITS.eventsMaxAge
    await tell(await events.look(none, now))
    expect(told.items).toEqual([])
    later = 0.81 * DEFAULT_LIMITS.eventsMaxAge
    await tell(await events.look(none, now))
    expect(told.items).toMatchObject([
      { kind: 'events_expiring', about: '', data: { unread: [{ name: 'the reactor', behind: 2 }] } },
    ])
    const { gone_in_s: left } = told.items[0]!.data as { gone_in_s: number }
    expect(left * 1000).toBeGreaterThan(1.2 * DAY)
    expect(left * 1000).toBeLessThan(1.4 * DAY)
    await events.read('reactor', 2)
    await tell(await events.look(none, now))
    expect(told.items.slice(1)).toEqual([{ kind: 'events_expiring', about: '' }])
  })

  it('are told by a reactor too, for the time in which no cache worker runs, of the other stores as well', async () => {
    const events = await open(64 * KiB)
    await events.jsm.streams.update(streamNames(events.ns).parked, { max_bytes: 8 * KiB })
    for (let i = 0; i < 7; i++) await events.publisher.publish(`${events.ns}.parked.e${i}.r`, BODY)
    await events.fill(52)
    await events.read('reactor', 52)
    const watch = await watchStores(watchParts(events))
    onTestFinished(() => watch.stop())
    const full = await events.told.find(({ about }) => about === 'EVENTS', 'the alarm about EVENTS')
    expect(full.data!.message).toContain('the cache worker has yet to read 52 events')
    const parked = await events.told.find(({ about }) => about === 'PARKED', 'the alarm about PARKED')
    expect(parked.data).toMatchObject({ max_bytes: 8 * KiB, messages: 7 })
    await within(watch.stop(), 'the stop')
  })
})

it('the ledger is told of where it drops what answers for events that are kept', async () => {
  const events = await open(256 * KiB)
  const done = streamNames(events.ns).done
  const { config } = await events.jsm.streams.info(done)
  expect([config.discard, config.max_bytes]).toEqual(['old', 512 * KiB * KiB])
  await events.fill(1)
  await events.jsm.streams.update(done, { ...config, max_bytes: 64 * KiB })
  for (let i = 0; i < 60; i++)
    await events.publisher.publish(events.subjects.done('w'), JSON.stringify({ decisions: [], x: BODY }))
  const watch = await watchStores(watchParts(events))
  onTestFinished(() => watch.stop())
  expect(await events.told.find(({ kind }) => kind === 'ledger', 'the alarm')).toMatchObject({
    about: 'DONE',
    data: { message: expect.stringMatching(/^DONE is \d+ % full, and reaches back to /) },
  })
  // Once those events are gone, what it drops answers for none.
  await events.jsm.streams.purge(events.stream)
  watch.wake()
  await events.told.find(({ kind, data }) => kind === 'ledger' && data === undefined, 'the end of it')
})
