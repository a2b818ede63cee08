import { jetstreamManager } from '@nats-io/jetstream'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createFire } from '../../src/bus/fire.ts'
import { openHistory } from '../../src/cache/history.ts'
import { minionOrigin } from '../../src/protocol/origin.ts'
import { openCore } from '../helpers/core.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

async function start(count = 0) {
  const core = await openCore(server)
  for (let n = 1; n <= count; n++) await core.fire(`my/${n}`, { n })
  const history = await openHistory(core.nc, core.subjects)
  const tags = async (request: unknown) => (await history(request)).events.map(({ tag }) => tag)
  return { ...core, history, tags, jsm: await jetstreamManager(core.nc) }
}

describe('the history of events', () => {
  it('is empty where nothing is stored', async () => {
    const { history } = await start()
    for (const request of [{}, { since: 0 }, { after_seq: 0 }, { after_seq: 9 }])
      expect(await history(request)).toEqual({ events: [], next_seq: 0, last_seq: 0 })
  })

  it('gives each event as a tail shows it', async () => {
    const { history, publisher, subjects } = await start()
    const fire = createFire(publisher, subjects, minionOrigin('web1'))
    const { id } = await fire(
      'salt/key',
      { id: 'web2' },
      { cause: 'event-0', hops: 2, chain: 'a,b', stamp: '2026-11-20T09:18:20.838387' },
    )
    expect(await history({})).toEqual({
      events: [
        {
          seq: 1,
          tag: 'salt/key',
          data: { id: 'web1' },
          origin: 'web1',
          stamp: '2026-11-20T09:18:20.838387',
          id,
          believed: false,
          cause: 'event-0',
          hops: 2,
          chain: 'a,b',
        },
      ],
      next_seq: 1,
      last_seq: 1,
    })
  })

  it('comes in pages, without a gap and without doubles', async () => {
    const { history } = await start(7)
    const seen: number[] = []
    let after = 0
    for (let page = 0; page < 10; page++) {
      const { events, next_seq, last_seq } = await history({ after_seq: after, limit: 3 })
      expect(last_seq).toBe(7)
      seen.push(...events.map(({ seq }) => seq))
      after = next_seq
      if (after >= last_seq) break
    }
    expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7])
    expect(await history({ after_seq: 7 })).toEqual({ events: [], next_seq: 7, last_seq: 7 })
  })

  it('begins with the first event stored at or after a time', async () => {
    const { history, jsm, ns, fire } = await start(2)
    const { time } = (await jsm.streams.getMessage(`${ns}_EVENTS`, { seq: 2 }))!
    await fire('my/3', {})
    const page = await history({ since: time.getTime() })
    expect(page.events.at(-1)?.tag).toBe('my/3')
    expect(page.events.map(({ seq }) => seq)).toContain(2)
    expect(await history({ since: Date.now() + 3_600_000 })).toEqual({ events: [], next_seq: 3, last_seq: 3 })
    expect((await history({ since: 0 })).events).toHaveLength(3)
  })

  it('gives no more than is asked for, and never more than 1000', async () => {
    const { tags } = await start(4)
    expect(await tags({ limit: 2 })).toEqual(['my/1', 'my/2'])
    expect(await tags({ limit: 5000 })).toHaveLength(4)
  })

  it('goes on after what has been trimmed or deleted', async () => {
    const { history, jsm, ns } = await start(6)
    await jsm.streams.purge(`${ns}_EVENTS`, { seq: 3 })
    await jsm.streams.deleteMessage(`${ns}_EVENTS`, 4)
    const page = await history({ after_seq: 1 })
    expect(page).toMatchObject({ events: [{ seq: 3 }, { seq: 5 }, { seq: 6 }], next_seq: 6, last_seq: 6 })
    await jsm.streams.deleteMessage(`${ns}_EVENTS`, 6)
    expect(await history({ after_seq: 5 })).toMatchObject({ events: [], next_seq: 6 })
    await jsm.streams.purge(`${ns}_EVENTS`)
    expect(await history({ after_seq: 2 })).toEqual({ events: [], next_seq: 6, last_seq: 6 })
  })

  it('leaves out what is malformed and counts it over', async () => {
    const { history, publisher, ns } = await start(1)
    await publisher.publish(`${ns}.event.web1.my.2`, 'no json')
    await publisher.publish(`${ns}.event._nobody.my.3`, '{}')
    expect(await history({ after_seq: 1 })).toEqual({ events: [], next_seq: 3, last_seq: 3 })
    expect((await history({})).events.map(({ tag }) => tag)).toEqual(['my/1'])
  })

  it('goes on behind an event that takes more room in a page than its sender needed', async () => {
    const { history, publisher, subjects, fire } = await start(1)
    const grows = `{"data": {"n": [${'1e20,'.repeat(60_000)}1]}}`
    await publisher.publish(subjects.event(minionOrigin('web1'), 'my/grows'), grows)
    await fire('my/last', {})
    for (const after_seq of [0, 1]) {
      const page = await history({ after_seq })
      expect(page.events.map(({ tag }) => tag).slice(-2)).toEqual(['my/grows', 'my/last'])
      expect(page.events.at(-2)!.data).toHaveProperty('_left_out')
      expect(page).toMatchObject({ next_seq: 3, last_seq: 3 })
    }
  })

  it('fits each page into a message, however large the events are', async () => {
    const { history, fire, nc } = await start()
    const limit = nc.info!.max_payload
    const sizes = [limit - 150, Math.round(limit * 0.6), Math.round(limit * 0.6)]
    for (const size of sizes) await fire('my/large', { text: 'x'.repeat(size) })
    await fire('small/4', {})
    const seen: [number, unknown][] = []
    for (let after = 0; after < 4; ) {
      const page = await history({ after_seq: after })
      expect(Buffer.byteLength(JSON.stringify(page))).toBeLessThanOrEqual(limit)
      expect(page.next_seq).toBeGreaterThan(after)
      for (const { seq, data } of page.events) seen.push([seq, data.text ? String(data.text).length : data])
      after = page.next_seq
    }
    expect(seen).toEqual([
      [1, { _left_out: expect.stringMatching(/^\d+ bytes, more than a page/) }],
      [2, sizes[1]],
      [3, sizes[2]],
      [4, {}],
    ])
  })
})

describe('a request that is wrong', () => {
  it.each([
    ['is no map', [], 'the body must be a map {since | after_seq, limit}'],
    ['has a text for a time', { since: '10m' }, '\'since\' must be milliseconds since the epoch, got "10m"'],
    ['has a time that is none', { since: 1e30 }, "'since'"],
    ['has a negative sequence', { after_seq: -1 }, "'after_seq' must be a whole number from 0 on, got -1"],
    ['has half a sequence', { after_seq: 1.5 }, "'after_seq'"],
    ['asks for nothing', { limit: 0 }, "'limit'"],
    ['has a key that is not there', { after: 3 }, "unknown key 'after'; there are since, after_seq, limit"],
  ])('because it %s says so', async (_what, request, message) => {
    const { history } = await start(1)
    await expect(history(request)).rejects.toMatchObject({
      code: 'bad_argument',
      message: expect.stringContaining(message),
    })
  })
})
