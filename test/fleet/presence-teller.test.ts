// One leader after the other over one store: whatever a leader was doing when it died, each change is told once.
import { jetstreamManager } from '@nats-io/jetstream'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { openBucket } from '../../src/bus/bucket.ts'
import { createFire, type Fire } from '../../src/bus/fire.ts'
import { lastOn } from '../../src/bus/last-on.ts'
import type { Lease } from '../../src/bus/lease.ts'
import { changeParts } from '../../src/fleet/presence-parts.ts'
import { createPresenceTable } from '../../src/fleet/presence-table.ts'
import { startTeller, type TellerParts } from '../../src/fleet/presence-teller.ts'
import { createToldStore, type Told } from '../../src/fleet/presence-told.ts'
import { problemOf } from '../../src/protocol/catalogue/define.ts'
import { presenceChange, presencePresent } from '../../src/protocol/catalogue/presence.ts'
import { serviceOrigin } from '../../src/protocol/origin.ts'
import { bucketNames, streamNames } from '../../src/protocol/streams.ts'
import { keptLog, openCore, storedIn } from '../helpers/core.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { createGate } from '../helpers/wait.ts'

const LIMIT = 1000
const CHANGE = 'salt/presence/change'
const PRESENT = 'salt/presence/present'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

/** A namespace in which leaders follow each other; their masters share what they hear. */
async function open() {
  const { nc, ns, subjects, publisher, events } = await openCore(server)
  const fire = createFire(publisher, subjects, serviceOrigin('_master'))
  const bucket = await openBucket(nc, bucketNames(ns).presence, { replicas: 1 })
  const jsm = await jetstreamManager(nc, { checkAPI: false })
  const subject = subjects.event(serviceOrigin('_master'), CHANGE)
  const { log, lines } = keptLog()
  let maxPayload = 1_000_000

  const lead = (more: Partial<TellerParts> = {}) => {
    const table = more.table ?? createPresenceTable(LIMIT)
    const ended = new AbortController()
    let given = false
    const lease: Lease = { valid: () => !ended.signal.aborted, lost: ended.signal, release: async () => undefined }
    const teller = startTeller({
      leases: {
        async take(_name, signal) {
          if (!given) {
            given = true
            return lease
          }
          await new Promise(resolve => signal.addEventListener('abort', resolve, { once: true }))
          return undefined
        },
      },
      store: createToldStore(bucket, () => maxPayload, log),
      table,
      now: () => 0,
      fire,
      lastTold: async () =>
        (await lastOn(jsm, streamNames(ns).events, subject, { what: 'it' }))?.header?.get('Nats-Msg-Id'),
      gatherMs: 5,
      keepSlowMs: 5,
      presentEveryMs: undefined,
      maxPayload: () => maxPayload,
      log,
      ...more,
    })
    onTestFinished(() => teller.stop())
    return { table, teller, loseLease: () => ended.abort(), stop: () => teller.stop() }
  }
  const changes = async () =>
    (await storedIn<{ tag: string; data: { new: string[]; lost: string[] } }>(nc, streamNames(ns).events))
      .filter(({ body }) => body.tag === CHANGE)
      .map(({ body }) => body.data)
  const store = createToldStore(bucket, () => maxPayload, log)
  return {
    ...{ fire, events, lines, lead, changes, store, bucket },
    roomFor(bytes: number) {
      maxPayload = bytes
    },
    told: (fits: (data: Record<string, unknown>) => boolean, tag = CHANGE) =>
      events.find(event => event.tag === tag && fits(event.data), `${tag} with it`),
  }
}

const tells = (word: 'new' | 'lost', id: string) => (data: Record<string, unknown>) =>
  (data[word] as string[]).includes(id)

describe('what changes', () => {
  it('is told as the catalogue says, those at once in one event', async () => {
    const { lead, told, events } = await open()
    const { table } = lead()
    for (const id of ['b', 'a', 'c']) table.beat(id, 's', 0)
    const { data } = await told(tells('new', 'c'))
    expect(data).toEqual({ new: ['a', 'b', 'c'], lost: [] })
    table.beat('b', 's', 900)
    table.judge(1100)
    expect((await told(tells('lost', 'a'))).data).toEqual({ new: [], lost: ['a', 'c'] })
    expect(events.items.map(event => problemOf(presenceChange, event.data))).toEqual([undefined, undefined])
  })

  it('is told in several events where it is larger than half a message', async () => {
    const { lead, changes, told, roomFor } = await open()
    roomFor(4096)
    const { table } = lead()
    const ids = Array.from({ length: 500 }, (_, n) => `minion${1000 + n}`)
    for (const id of ids) table.beat(id, 's', 0)
    await told(tells('new', ids.at(-1)!))
    const all = await changes()
    expect(all.length).toBeGreaterThan(1)
    for (const data of all) expect(JSON.stringify(data).length).toBeLessThan(2300)
    expect(all.flatMap(data => data.new)).toEqual(ids)
  })

  it('is not told by a leader whose lease is over', async () => {
    const { lead, told, changes } = await open()
    const first = lead()
    first.table.beat('a', 's', 0)
    await told(tells('new', 'a'))
    first.loseLease()
    await first.stop()
    first.table.beat('b', 's', 0)
    const second = lead()
    second.table.beat('c', 's', 0)
    await told(tells('new', 'c'))
    expect(await changes()).toEqual([
      { new: ['a'], lost: [] },
      { new: ['c'], lost: [] },
    ])
  })

  it('is told by one of two who both think that they lead', async () => {
    const { lead, told, changes } = await open()
    const first = lead()
    first.table.beat('a', 's', 0)
    await told(tells('new', 'a'))
    const second = lead()
    for (const id of ['b', 'c', 'd']) for (const { table } of [first, second]) table.beat(id, 's', 0)
    await told(tells('new', 'd'))
    for (const { table } of [first, second]) table.beat('e', 's', 0)
    await told(tells('new', 'e'))
    const all = (await changes()).flatMap(data => data.new)
    expect([...all].sort()).toEqual(['a', 'b', 'c', 'd', 'e'])
  })
})

describe('the next leader', () => {
  it('tells nothing anew of those who were told as present, and of those who do not come that they are lost', async () => {
    const { lead, told, changes } = await open()
    const first = lead()
    for (const id of ['a', 'b']) first.table.beat(id, 's', 0)
    await told(tells('new', 'b'))
    await first.stop()
    const second = lead()
    second.table.beat('c', 's', 0)
    await told(tells('new', 'c'))
    expect(second.table.present()).toEqual(['a', 'b', 'c'])
    second.table.beat('a', 's', 900)
    second.table.beat('c', 's', 900)
    second.table.judge(1100)
    await told(tells('lost', 'b'))
    expect(await changes()).toEqual([
      { new: ['a', 'b'], lost: [] },
      { new: ['c'], lost: [] },
      { new: [], lost: ['b'] },
    ])
  })

  it('tells nothing more of one that was told as lost, though it has taken it for present, until it comes back', async () => {
    const { lead, told, changes } = await open()
    const first = lead()
    first.table.beat('a', 's', 0)
    await told(tells('new', 'a'))
    const standby = createPresenceTable(LIMIT)
    standby.adopt(['a'], {}, 0)
    first.table.judge(1100)
    await told(tells('lost', 'a'))
    await first.stop()
    lead({ table: standby })
    standby.beat('b', 's', 0)
    await told(tells('new', 'b'))
    standby.judge(1100)
    standby.beat('a', 's', 1200)
    await told(tells('lost', 'b'))
    expect(await changes()).toEqual([
      { new: ['a'], lost: [] },
      { new: [], lost: ['a'] },
      { new: ['b'], lost: [] },
      { new: ['a'], lost: ['b'] },
    ])
  })

  it('knows which minions have a slow network', async () => {
    const { lead, told, store } = await open()
    const first = lead()
    first.table.beat('a', 's', 0)
    first.table.beat('a', 's', 900)
    await told(tells('new', 'a'))
    const kept = async (): Promise<Told> => {
      for (;;) {
        const { told: now } = await store.read()
        if (now?.slow.a === 900 && !now.change) return now
      }
    }
    expect(await kept()).toEqual({ present: ['a'], slow: { a: 900 } })
    await first.stop()
    const second = lead()
    second.table.beat('b', 's', 0)
    await told(tells('new', 'b'))
    expect(second.table.slow()).toEqual({ a: 900 })
  })

  it.each([
    ['before any of its events was stored', 0, false],
    ['with an event stored that it knew nothing of', 0, true],
    ['between two events', 1, false],
    ['with all of them stored but the last', 3, false],
    ['with all of them stored', 3, true],
  ])('tells a change once where the one before died %s', async (_when, dies, stored) => {
    const { lead, told, changes, fire, roomFor } = await open()
    roomFor(200 * 20 + 2048)
    const ids = Array.from({ length: 700 }, (_, n) => `minion${1000 + n}`)
    const [died, buried] = [createGate(), createGate()]
    let fired = 0
    const dying: Fire = async (...args) => {
      if (fired++ < dies) return fire(...args)
      if (stored) await fire(...args)
      died.open()
      await buried.passed
      throw new Error('it died')
    }
    const first = lead({ fire: dying })
    onTestFinished(() => buried.open())
    for (const id of ids) first.table.beat(id, 's', 0)
    await died.passed
    first.loseLease()
    // It has heard them too, or will.
    const second = lead()
    for (const id of [...ids, 'z']) second.table.beat(id, 's', 0)
    await told(tells('new', 'z'))
    const all = (await changes()).flatMap(data => data.new)
    expect(all).toEqual([...ids, 'z'])
  })
})

it('a fleet that comes at once is kept in no more room than one that is there', async () => {
  const { store, bucket } = await open()
  const ids = Array.from({ length: 500 }, (_, n) => `m${Math.imul(n, 2_654_435_761) >>> 0}`).sort()
  const room = async () => (await bucket.get('told'))!.value.length
  const there: Told = { present: ids, slow: {} }
  const revision = await store.write(there, 0)
  const asThere = await room()
  const coming = { ...there, change: { id: 'c', parts: changeParts({ new: ids.slice(1), lost: ['x'] }, 2000) } }
  await store.write(coming, revision!)
  expect((await store.read()).told).toEqual(coming)
  expect(await room()).toBeLessThan(asThere + 400)
})

describe('where it cannot be told', () => {
  it('it is said once, and told when it can be: events that the store refuses', async () => {
    const { lead, told, lines, fire, changes } = await open()
    let refuses = 3
    const { table } = lead({
      fire: async (...args) => {
        if (refuses-- > 0) throw new Error('maximum bytes exceeded')
        return fire(...args)
      },
    })
    table.beat('a', 's', 0)
    await told(tells('new', 'a'))
    await lines.find(({ msg }) => msg === 'changes of presence are told again', 'that it is over')
    expect(lines.items.filter(({ error }) => error === 'maximum bytes exceeded')).toHaveLength(1)
    expect(await changes()).toEqual([{ new: ['a'], lost: [] }])
  })

  it('more ids than a message holds are refused with what to do', async () => {
    const { lead, lines, roomFor, told } = await open()
    roomFor(1024 + 100)
    const { table } = lead()
    for (let n = 0; n < 200; n++) table.beat(`m${Math.imul(n, 2_654_435_761) >>> 0}`, 's', 0)
    const line = await lines.find(({ error }) => String(error).includes('raise max_payload'), 'that it is too much')
    expect(line.error).toContain('the ids of 200 minions are')
    roomFor(1_000_000)
    await told(({ new: ids }) => (ids as string[]).length === 200)
  })

  it('what is kept and malformed is said, and counts as nothing told', async () => {
    const { lead, lines, bucket, told } = await open()
    await bucket.put('told', 'no gzip')
    const { table } = lead()
    table.beat('a', 's', 0)
    await told(tells('new', 'a'))
    expect(lines.items.some(({ msg }) => msg.startsWith('what was told of presence is malformed'))).toBe(true)
  })
})

describe('the list of those who are there', () => {
  it('is told every so often', async () => {
    const { lead, events, told } = await open()
    const { table } = lead({ presentEveryMs: 20 })
    table.beat('b', 's', 0)
    table.beat('a', 's', 0)
    const { data } = await told(({ present }) => (present as string[]).length === 2, PRESENT)
    expect(data).toEqual({ present: ['a', 'b'] })
    table.judge(2000)
    await told(tells('lost', 'a'))
    const before = events.items.length
    await events.find(event => event.tag === PRESENT && events.items.indexOf(event) > before, 'another list')
    const lists = events.items.filter(({ tag }) => tag === PRESENT)
    expect(lists.at(-1)!.data).toEqual({ present: [] })
    expect(lists.map(event => problemOf(presencePresent, event.data))).toEqual(lists.map(() => undefined))
  })

  it('comes in numbered parts where it is larger than half a message', async () => {
    const { lead, events, told, roomFor } = await open()
    roomFor(4096)
    const { table } = lead({ presentEveryMs: 60_000 })
    const ids = Array.from({ length: 500 }, (_, n) => `minion${1000 + n}`)
    for (const id of ids) table.beat(id, 's', 0)
    const { data } = await told(({ part, parts }) => part !== undefined && part === parts, PRESENT)
    const lists = events.items.filter(({ tag }) => tag === PRESENT).map(event => event.data)
    expect(lists).toHaveLength(data.parts as number)
    expect(lists.flatMap(({ present }) => present)).toEqual(ids)
    expect(lists.map(({ part }) => part)).toEqual(lists.map((_, at) => at + 1))
  })
})
