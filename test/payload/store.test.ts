import { jetstreamManager } from '@nats-io/jetstream'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createOverflow } from '../../src/payload/overflow.ts'
import { openPayloadStore, type PayloadStore } from '../../src/payload/store.ts'
import { openCore } from '../helpers/core.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { createGate, within } from '../helpers/wait.ts'

const MiB = 1024 * 1024
let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

async function open(maxBytes = 8 * MiB) {
  const { nc, ns } = await openCore(server)
  const store = await openPayloadStore(nc, ns, { keepMs: 3_600_000, maxBytes, replicas: 1 })
  const jsm = await jetstreamManager(nc, { checkAPI: false })
  const stream = `OBJ_${ns}_payloads`
  return { nc, ns, store, jsm, stream, state: async () => (await jsm.streams.info(stream)).state }
}
const part = (n: number, bytes = 900_000) => Buffer.alloc(bytes, `${n},`)

describe('the store of large values', () => {
  it('gives back what was put into it, and undefined for the rest', async () => {
    const { store } = await open()
    await store.put('m1.x', 0, part(0))
    await store.put('m1.x', 1, part(1))
    expect(Buffer.from((await store.get('m1.x', 0))!).equals(part(0))).toBe(true)
    expect(Buffer.from((await store.get('m1.x', 1))!).equals(part(1))).toBe(true)
    expect(await store.get('m1.x', 2)).toBeUndefined()
    expect(await store.get('m1.y', 0)).toBeUndefined()
  })

  it('is opened by several processes at the same time', async () => {
    const cores = await Promise.all(Array.from({ length: 6 }, () => openCore(server)))
    const { ns } = cores[0]!
    const options = { keepMs: 3_600_000, maxBytes: 8 * MiB, replicas: 1 }
    const stores = await Promise.all(cores.map(({ nc }) => openPayloadStore(nc, ns, options)))
    await stores[0]!.put('m1.x', 0, part(0))
    for (const store of stores) expect(Buffer.from((await store.get('m1.x', 0))!).equals(part(0))).toBe(true)
  })

  it('stores the same part once, and another in its place', async () => {
    const { store, state } = await open()
    await store.put('m1.x', 0, part(0))
    const before = await state()
    await store.put('m1.x', 0, part(0))
    expect((await state()).last_seq).toBe(before.last_seq)
    await store.put('m1.x', 0, part(1))
    expect(Buffer.from((await store.get('m1.x', 0))!).equals(part(1))).toBe(true)
    expect((await state()).messages).toBe(before.messages)
  })

  it('lets the oldest payloads give way, whole, when it is full', async () => {
    const { store, state } = await open()
    for (let n = 0; n < 30; n++) {
      await store.put(`m${n}.x`, 0, part(n))
      await store.put(`m${n}.x`, 1, part(n))
      expect((await state()).bytes).toBeLessThanOrEqual(8 * MiB)
    }
    const there = await Promise.all(
      Array.from({ length: 30 }, async (_, n) => {
        const parts = await Promise.all([store.get(`m${n}.x`, 0), store.get(`m${n}.x`, 1)])
        expect(parts[0] === undefined).toBe(parts[1] === undefined)
        return parts[0] !== undefined
      }),
    )
    const first = there.indexOf(true)
    expect(first).toBeGreaterThan(20)
    expect(first).toBeLessThan(28)
    expect(there.slice(first).every(Boolean)).toBe(true)
  })

  it('has a minion that fills it give way itself, and not the others', async () => {
    const { store } = await open()
    await store.put('m1.old', 0, part(0))
    await store.put('m2.old', 0, part(0))
    for (let n = 0; n < 20; n++) await store.put(`greedy.${n}`, 0, part(n))
    for (const name of ['m1.old', 'm2.old', 'greedy.19']) expect(await store.get(name, 0)).toBeDefined()
    expect(await store.get('greedy.0', 0)).toBeUndefined()
    await store.put('m3.new', 0, part(0))
    for (const name of ['m1.old', 'm2.old', 'm3.new']) expect(await store.get(name, 0)).toBeDefined()
  })

  it('refuses what one minion uploads beyond half of it where others would have to give way', async () => {
    const { store } = await open()
    await store.put('m1.old', 0, part(0))
    const uploads = Array.from({ length: 12 }, (_, n) => n)
    await expect(
      (async () => {
        for (const n of uploads) await store.put('greedy.one', n, part(n))
      })(),
    ).rejects.toMatchObject({ code: 'store_refused' })
    expect(await store.get('m1.old', 0)).toBeDefined()
  })

  it('holds only so many parts, however small they are', async () => {
    const { store, state } = await open(256 * 1024)
    await store.put('m1.old', 0, part(0, 100))
    for (let n = 0; n < 100; n++) await store.put(`greedy.${n}`, 0, Buffer.from('x'))
    expect((await state()).messages).toBeLessThanOrEqual(64)
    expect(await store.get('m1.old', 0)).toBeDefined()
    expect(await store.get('greedy.99', 0)).toBeDefined()
  })

  it('takes several uploads at once while it is full', async () => {
    const { store } = await open()
    for (let n = 0; n < 8; n++) await store.put(`old.${n}`, 0, part(n))
    await Promise.all(Array.from({ length: 4 }, (_, n) => store.put(`new.${n}`, 0, part(n))))
    for (let n = 0; n < 4; n++) expect(await store.get(`new.${n}`, 0)).toBeDefined()
  })

  it('refuses a payload that is larger than all of it, with the setting that says so', async () => {
    const { store } = await open(2 * MiB)
    await store.put('m1.x', 0, part(0))
    await store.put('m1.x', 1, part(1))
    await expect(store.put('m1.x', 2, part(2))).rejects.toMatchObject({
      code: 'store_refused',
      message: expect.stringMatching(/part 2 of payload 'm1\.x' .*cache\.max_payload_bytes: 2097152/),
    })
  })

  it('refuses for now what others took the room of that was made for it', async () => {
    const { nc, ns, store } = await open()
    // Each counts as much more than it has, so that there is less room than was counted.
    for (let n = 0; n < 110; n++) await store.put('m1.tiny', n, Buffer.from('x'))
    for (let n = 0; n < 8; n++) await nc.request(`$O.${ns}_payloads.C.${n}`, part(n), { timeout: 30_000 })
    await nc.request(`$O.${ns}_payloads.C.8`, part(8, 1_000_000), { timeout: 30_000 })
    await expect(store.put('m2.x', 0, part(0))).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringMatching(/part 0 of payload 'm2\.x' .*others were faster/),
    })
    expect(await store.get('m1.tiny', 0)).toBeUndefined()
    await expect(store.put('m2.x', 0, part(0))).rejects.toMatchObject({ code: 'store_refused' })
  })

  it('says that it is away, and not full, where it does not answer as one', async () => {
    const { store, jsm, stream } = await open()
    await jsm.streams.delete(stream)
    await expect(store.put('m1.x', 0, part(0))).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringMatching(/^part 0 of payload 'm1\.x' cannot be stored: (?!.*max_payload_bytes)/),
    })
  })

  it('takes over settings that have changed', async () => {
    const { nc, ns, store, jsm, stream } = await open()
    await store.put('m1.x', 0, part(0))
    await openPayloadStore(nc, ns, { keepMs: 60_000, maxBytes: 16 * MiB, replicas: 1 })
    const { config } = await jsm.streams.info(stream)
    expect([config.max_age, config.max_bytes]).toEqual([60_000_000_000, 16 * MiB])
    expect(await store.get('m1.x', 0)).toBeDefined()
  })

  it('says that a part is damaged whose bytes are gone or another', async () => {
    const { nc, ns, store, jsm, stream } = await open()
    await store.put('m1.x', 0, part(0))
    const { last_seq } = await jsm.streams.info(stream).then(({ state }) => state)
    const meta = (await jsm.streams.getMessage(stream, { seq: last_seq }))!.json<{ nuid: string }>()
    const chunk = `$O.${ns}_payloads.C.${meta.nuid}`
    await nc.request(chunk, 'another', { timeout: 30_000 })
    await expect(store.get('m1.x', 0)).rejects.toMatchObject({ code: 'damaged_payload' })
    await jsm.streams.purge(stream, { filter: chunk })
    expect(await store.get('m1.x', 0)).toBeUndefined()
  })

  it('lets an answer that was too large go after its time', async () => {
    const { store, state } = await open()
    const before = (await state()).messages
    const gone = createGate()
    const watched: PayloadStore = {
      ...store,
      async remove(...what) {
        await store.remove(...what)
        gone.open()
      },
    }
    const ref = await createOverflow(watched, 0)(Buffer.from(JSON.stringify('x'.repeat(3 * MiB))))
    expect(ref.parts).toBeGreaterThan(2)
    await within(gone.passed, 'the removal')
    expect((await state()).messages).toBe(before)
    expect(await store.get(ref.name, 0)).toBeUndefined()
  })
})
