// What the master gives to stores of returners where something is wrong: a record over which a store trips, cache workers whose
// configs differ, a store that is away for so long that EVENTS has no room for it.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { consumeDurable } from '../../src/bus/consume.ts'
import { startEventReturn } from '../../src/cache/returning/event-return.ts'
import { noteMissed, tellMissed } from '../../src/cache/returning/missed.ts'
import { refusedRecords } from '../../src/cache/returning/refused.ts'
import { openSlots } from '../../src/cache/returning/slots.ts'
import { startTrimming } from '../../src/cache/trim.ts'
import { cacheConsumer, consumerNames, streamNames } from '../../src/protocol/streams.ts'
import { keptLog } from '../helpers/core.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { createSeen, untilTaken } from '../helpers/wait.ts'
import { jidOf } from './jobs.ts'
import { type MemoryStore, memoryStore } from './returning-store.ts'
import { announced, given, openReturning } from './returning-system.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const open = () => openReturning(server)
const numbersIn = ({ came }: MemoryStore) => came.events.items.map(({ data }) => Number(data.n)).sort((a, b) => a - b)
const refusedIn = async (dir: string, name: string) =>
  (await readFile(join(dir, 'refused', `${name}.jsonl`), 'utf8').catch(() => ''))
    .split('\n')
    .filter(Boolean)
    .map(line => JSON.parse(line))

/** Fires one event after another, each once the store has the one before, until the test ends. */
function keepFiring(fire: (tag: string, data: Record<string, unknown>) => Promise<unknown>, store: MemoryStore) {
  let over = false
  const firing = (async () => {
    for (let n = 0; !over; n++) {
      await fire('more', { more: n })
      if (!over) await store.came.events.find(({ data }) => data.more === n, 'one more').catch(() => undefined)
    }
  })()
  onTestFinished(async () => {
    over = true
    await firing.catch(() => undefined)
  })
}

describe('a record over which a store trips each time', () => {
  it('is put aside with the reason, and holds up no others', async () => {
    const { start, fire, told, dir } = await open()
    const own = memoryStore()
    own.tripOver(record => 'data' in record && record.data.n === 17)
    await start({ event_return: ['own'], event_return_queue: 30, event_return_queue_max_seconds: 5 }, { own })
    for (let n = 0; n < 30; n++) await fire('x', { n })
    await own.came.events.reach(29)
    expect(numbersIn(own)).toEqual([...Array(30).keys()].filter(n => n !== 17))
    keepFiring(fire, own)
    await told.find(({ kind, about }) => kind === 'returner_refused' && about === 'event_return own', 'the alarm')
    expect(await refusedIn(dir, 'own')).toMatchObject([
      {
        reason: expect.stringMatching(
          /^it failed 5 times by itself while the store took others: the connection was reset$/,
        ),
        record: { data: { n: 17 } },
      },
    ])
  })

  it('is not told of once an event', async () => {
    const { start, fire, told } = await open()
    const own = memoryStore()
    own.tripOver(record => 'data' in record && record.data.n === 0)
    await start({ event_return: ['own'] }, { own })
    await fire('x', { n: 0 })
    keepFiring(fire, own)
    await told.find(({ kind }) => kind === 'returner_refused', 'the alarm')
    expect(told.items.filter(({ kind, up }) => kind === 'returner' && up).length).toBeLessThanOrEqual(2)
  })

  it('is none of a store that is down, however long that is', async () => {
    const { start, fire, dir } = await open()
    const own = memoryStore()
    await start({ event_return: ['own'] }, { own })
    await fire('x', { n: 0 })
    await own.came.events.reach(1)
    own.goDown()
    for (let n = 1; n <= 5; n++) await fire('x', { n })
    await own.came.tries.reach(60)
    own.comeBack()
    await own.came.events.reach(6)
    expect(numbersIn(own)).toEqual([0, 1, 2, 3, 4, 5])
    expect(await refusedIn(dir, 'own')).toEqual([])
  })

  it('is none where the store takes only others of another kind', async () => {
    const { start, fire, as, dir } = await open()
    const mysql = memoryStore()
    mysql.tripOver(record => 'return' in record)
    await start({ master_job_cache: 'mysql' }, { mysql })
    await as('m1')(`salt/job/${jidOf(1)}/ret/m1`, given(1, 'm1'))
    const tries = () => mysql.came.tries.items.filter(what => what === 'returner').length
    for (let n = 1; tries() < 30; n++) {
      await fire(`salt/job/${jidOf(n)}/new`, announced(n, ['m1']))
      await mysql.came.loads.find(({ jid }) => jid === jidOf(n), 'its load')
    }
    mysql.tripOver(() => false)
    await mysql.came.returns.reach(1)
    expect(await refusedIn(dir, 'mysql')).toEqual([])
  })
})

it('an alarm about one use of a returner is not ended by another use of it', async () => {
  const { start, fire, told } = await open()
  const mysql = memoryStore()
  mysql.tripOver(record => 'tag' in record)
  await start({ master_job_cache: 'mysql', event_return: ['mysql'] }, { mysql })
  await fire('x', {})
  await told.find(({ about }) => about === 'event_return mysql', 'the alarm')
  await fire(`salt/job/${jidOf(1)}/new`, announced(1, ['m1']))
  await mysql.came.loads.reach(1)
  await fire(`salt/job/${jidOf(2)}/new`, announced(2, ['m1']))
  await mysql.came.loads.reach(2)
  expect(told.items).toEqual([{ kind: 'returner', about: 'event_return mysql', up: true }])
})

describe('cache workers whose configs differ', () => {
  it('each follow their own returner, and none gets what is for another', async () => {
    const { start, fire, consumers, ns } = await open()
    const [one, two] = [memoryStore(), memoryStore()]
    await start({ event_return: ['one'] }, { one })
    await fire('x', { n: 0 })
    await one.came.events.reach(1)
    await start({ event_return: ['two'] }, { two })
    for (let n = 1; n <= 20; n++) await fire('x', { n })
    await one.came.events.reach(21)
    await two.came.events.reach(20)
    expect(numbersIn(one)).toEqual([...Array(21).keys()])
    expect(numbersIn(two)).toEqual([...Array(20).keys()].map(n => n + 1))
    const { eventReturn } = consumerNames(ns)
    expect(await consumers()).toEqual([eventReturn(0), eventReturn(1)])
  })

  it('leave the jobs to the returner that has them, and the new one takes over all of EVENTS once nobody reads for the old', async () => {
    const { start, fire, told } = await open()
    const [old, fresh] = [memoryStore(), memoryStore()]
    const before = await start({ master_job_cache: 'old' }, { old })
    for (let n = 1; n <= 5; n++) await fire(`salt/job/${jidOf(n)}/new`, announced(n, ['m1']))
    await old.came.loads.reach(5)
    await start({ master_job_cache: 'fresh' }, { fresh })
    await told.find(
      ({ kind, about, up }) => kind === 'returner' && about === 'master_job_cache fresh' && up,
      'the alarm',
    )
    for (let n = 6; n <= 9; n++) await fire(`salt/job/${jidOf(n)}/new`, announced(n, ['m1']))
    await old.came.loads.reach(9)
    expect(fresh.came.loads.items).toEqual([])
    await before.stop()
    await fresh.came.loads.reach(9)
    expect(new Set(fresh.came.loads.items.map(({ jid }) => jid)).size).toBe(9)
    expect(old.came.loads.items).toHaveLength(9)
    await told.find(({ about, up }) => about === 'master_job_cache fresh' && !up, 'its end')
  })

  it('a worker whose consumer is for another returner by now gives and acks nothing of it', async () => {
    const { nc, ns, subjects, fire, jsm, dir } = await open()
    const { log } = keptLog()
    const one = memoryStore()
    const { events } = streamNames(ns)
    const slots = await openSlots(nc, ns, [{ what: 'event_return', returner: 'one' }], log)
    const consumer = (await slots.look()).claimed.get('event_return one')!
    const lost = createSeen<string>()
    const following = await startEventReturn({
      ...{ nc, subjects, name: 'one', consumer, store: one.store, isWanted: subject => subject.endsWith('.wanted') },
      ...{ queue: 0, queueMaxMs: 0, pace: { firstMs: 20, mostMs: 100, ownForMs: 0 }, onLost: () => lost.push('it') },
      ...{ refused: refusedRecords(dir, 'one'), alarms: { raise: () => undefined, clear: () => undefined }, log },
    })
    onTestFinished(() => following.stop())
    await fire('wanted', { n: 0 })
    await one.came.events.reach(1)
    const look = () => jsm.consumers.info(events, consumer.durable_name)
    await untilTaken('its ack', async () => expect(await look()).toMatchObject({ num_pending: 0, num_ack_pending: 0 }))
    await jsm.consumers.update(events, consumer.durable_name, { metadata: { returner: 'two' } })
    await fire('other', { n: 1 })
    await fire('wanted', { n: 2 })
    await lost.reach(1)
    await following.stop()
    const { num_pending, num_ack_pending } = await look()
    expect(num_pending + num_ack_pending).toBe(2)
    expect(numbersIn(one)).toEqual([0])
  })

  it('a worker that finds its consumer taken says so, and goes on with another one', async () => {
    const { start, fire, told, jsm, ns } = await open()
    const [one, two] = [memoryStore(), memoryStore()]
    await start({ event_return: ['one'] }, { one })
    const { events } = streamNames(ns)
    const slot = consumerNames(ns).eventReturn(0)
    await jsm.consumers.update(events, slot, { metadata: { returner: 'two' } })
    await start({ event_return: ['two'] }, { two })
    await told.find(({ kind, about }) => kind === 'returner' && about === 'event_return one', 'the alarm')
    await untilTaken('an event by the other consumer', async () => {
      await fire('x', { n: 1 })
      expect(numbersIn(one)).toContain(1)
    })
    await two.came.events.reach(1)
    expect(await jsm.consumers.info(events, slot)).toMatchObject({ config: { metadata: { returner: 'two' } } })
  })

  it('a consumer that is removed is made again, by whichever worker', async () => {
    const { start, fire, jsm, ns } = await open()
    const [one, two] = [memoryStore(), memoryStore()]
    await Promise.all([start({ event_return: ['one'] }, { one }), start({ event_return: ['one'] }, { one: two })])
    await jsm.consumers.delete(streamNames(ns).events, consumerNames(ns).eventReturn(0))
    await untilTaken('an event', async () => {
      await fire('x', { n: 1 })
      expect([...numbersIn(one), ...numbersIn(two)]).toContain(1)
    })
  })
})

describe('a store that is away for long', () => {
  it('is left alone between two tries, whatever comes', async () => {
    const { start, fire, delivered } = await open()
    const own = memoryStore()
    own.goDown()
    const MINUTE = 60_000
    await start(
      { event_return: ['own'] },
      { own },
      { lookEveryMs: MINUTE, tries: { firstMs: 10 * MINUTE, mostMs: 10 * MINUTE } },
    )
    for (let n = 0; n < 2; n++) {
      await fire('x', { n })
      await own.came.tries.reach(n + 1)
    }
    for (let n = 2; n < 50; n++) await fire('x', { n })
    await delivered(0)
    await new Promise(resolve => setImmediate(resolve))
    expect(own.came.tries.items).toHaveLength(2)
  })

  it('as the job cache has missed records of jobs, and not what else was removed', async () => {
    const { start, fire, told, floor, jsm, ns, alarms } = await open()
    const { log } = keptLog()
    const { events } = streamNames(ns)
    const mysql = memoryStore()
    mysql.goDown()
    await start({ master_job_cache: 'mysql' }, { mysql }, { lookEveryMs: 60_000, tries: { firstMs: 20, mostMs: 100 } })
    for (let n = 1; n <= 40; n++)
      await (n % 4 === 0 ? fire(`salt/job/${jidOf(n)}/new`, announced(n, ['m1'])) : fire('x', { n }))
    const consumer = consumerNames(ns).masterJobCache
    const missed = async () => (await jsm.consumers.info(events, consumer)).config.metadata?.missed
    for (const [before, first] of [
      [1, 21],
      [21, 31],
    ] as const) {
      const { readers: known } = await floor()
      // One whose consumer is removed at that moment.
      const gone = { name: 'gone', floor: 0, returner: { consumer: consumerNames(ns).eventReturn(7), unread: 40 } }
      const readers = [gone, ...known]
      await jsm.streams.purge(events, { seq: first })
      await noteMissed({ jsm, ns, alarms, log }, readers, before, first)
      // Another worker that removed the same says it only once.
      await noteMissed({ jsm, ns, alarms, log }, readers, before, first)
    }
    expect(await missed()).toBe('7')
    expect(told.items.filter(({ kind }) => kind === 'returner_loses')).toHaveLength(1)
    mysql.comeBack()
    await mysql.came.loads.reach(3)
    await untilTaken('what it missed', async () => {
      await tellMissed({ jsm, ns, alarms, log }, [await jsm.consumers.info(events, consumer)])
      expect(await missed()).toBeUndefined()
    })
    expect(mysql.came.loads.items.map(({ jid }) => jid).sort()).toEqual([32, 36, 40].map(n => jidOf(n)))
    await told.find(({ kind }) => kind === 'returner_missed', 'the alarm')
  })

  const KiB = 1024
  const BODY = 'x'.repeat(KiB)

  it('lets all events be stored, is told of before it loses any, and says how many it missed when it is back', async () => {
    const { start, fire, told, jsm, ns, nc, alarms, lines } = await open()
    const { events } = streamNames(ns)
    const { config } = await jsm.streams.info(events)
    const own = memoryStore()
    await start({ event_return: ['own'] }, { own })
    await jsm.streams.update(events, { ...config, max_bytes: 256 * KiB })
    const trimming = await startTrimming({
      ...{ nc, ns, alarms, others: async () => [], clock: systemClock, log: keptLog().log },
    })
    onTestFinished(() => trimming.stop())
    // The cache worker of this system has read everything that there is.
    const cache = await consumeDurable(nc, {
      ...{ stream: events, consumer: cacheConsumer(ns), log: keptLog().log },
      onMessage(message) {
        message.ack()
        trimming.saw(message.data.length)
      },
    })
    onTestFinished(() => cache.stop())
    own.goDown()
    for (let n = 0; n < 600; n++) {
      await fire('x', { n, body: BODY })
      const { state } = await jsm.streams.info(events)
      if (state.bytes > 0.9 * 256 * KiB)
        await untilTaken('room', async () =>
          expect((await jsm.streams.info(events)).state.bytes).toBeLessThan(0.9 * 256 * KiB),
        )
    }
    const about = 'event_return own'
    await told.find(({ kind }) => kind === 'returner_loses', 'the alarm about a loss')
    const { state } = await jsm.streams.info(events)
    own.comeBack()
    const line = await lines.find(({ msg }) => /takes events again; it has missed/.test(msg), 'what it missed')
    const missed = state.first_seq - 1
    expect(line).toMatchObject({ use: about, missed })
    const left = [...Array(600 - missed).keys()].map(n => n + missed)
    await untilTaken('all that was left', async () => expect(new Set(numbersIn(own))).toEqual(new Set(left)))
    await told.find(({ kind }) => kind === 'returner_missed', 'the alarm about what it missed')
    await told.find(({ kind, up }) => kind === 'returner_late' && !up, 'the end of it')
    const kinds = told.items.filter(({ kind }) => /late|loses|missed|full/.test(kind))
    const said = kinds.map(({ kind, up }) => `${kind} ${up}`)
    expect(said.slice(0, 2)).toEqual(['returner_late true', 'returner_loses true'])
    expect(said.slice(2).sort()).toEqual(['returner_late false', 'returner_loses false', 'returner_missed true'])
    expect((await jsm.consumers.info(events, consumerNames(ns).eventReturn(0))).config.metadata).not.toHaveProperty(
      'missed',
    )
  })
})
