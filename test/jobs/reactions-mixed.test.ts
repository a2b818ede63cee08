import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MIXED, type Reaction, type ReactionBatch } from '../../src/protocol/reaction.ts'
import { storedIn } from '../helpers/core.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { createGate } from '../helpers/wait.ts'
import { action, batchOf, openReactions, reaction } from './reactions.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const one = (id: string, rule: string, more = {}) => reaction(id, [action('runner', `${rule}.one`)], rule, more)
const mixed = (...batches: Reaction[][]) => `[${batches.map(batchOf).join(',')}]`

async function open() {
  const opened = await openReactions(server)
  const storeMixed = (body: string, id = 'mixed-1') =>
    opened.publisher.publish(opened.subjects.reaction('fast', MIXED), body, { id })
  const done = () => opened.decided.items.map(({ key, state }) => `${key} ${state}`).sort()
  return { ...opened, storeMixed, done }
}

describe('a message of reactions of many rules', () => {
  it('is done rule by rule, each in its own lane, and acked when all of it is', async () => {
    const { start, storeMixed, ran, decided, drained, done, handedOut } = await open()
    const gate = createGate()
    const worker = await start(
      async ({ what }) => {
        if (what === 'runner.a.one') await gate.passed
        return {}
      },
      { concurrency: 1 },
    )
    await storeMixed(mixed([one('e1', 'a'), one('e2', 'a')], [one('e1', 'b')], [one('e3', 'c', { attempt: 2 })]))
    await decided.reach(2)
    expect(done()).toEqual(['e1/b done', 'e3/c done'])
    await handedOut(1)
    gate.open()
    await drained()
    expect(done()).toEqual(['e1/a done', 'e1/b done', 'e2/a done', 'e3/c done'])
    expect(ran.items).toHaveLength(4)
    await worker.stop()
  })

  it('is stored again rule by rule where a lane has no room for its part', async () => {
    const { start, storeMixed, store, drained, done, ran } = await open()
    const gate = createGate()
    const worker = await start(
      async ({ what, asked }) => {
        if (what === 'runner.a.one' && asked.cause === 'e0') await gate.passed
        return {}
      },
      { concurrency: 1, limits: { messages: 1, classMessages: 1000, laneBytes: 1e6, bytes: 1e7 } },
    )
    await store(one('e0', 'a'))
    await ran.reach(1)
    await storeMixed(mixed([one('e1', 'a'), one('e2', 'a')], [one('e1', 'b')]))
    // What another rule asks for does not wait.
    expect((await ran.find(({ what }) => what === 'runner.b.one', 'the other rule')).asked.cause).toBe('e1')
    gate.open()
    await drained()
    expect(done()).toEqual(['e0/a done', 'e1/a done', 'e1/b done', 'e2/a done'])
    expect(ran.items).toHaveLength(4)
    await worker.stop()
  })

  it('has only the parts stored again whose lanes are full, each with its own bundle and policy', async () => {
    const { start, storeMixed, store, drained, ran, nc, ns, until } = await open()
    const gate = createGate()
    const worker = await start(
      async ({ asked }) => {
        if (asked.cause === 'e0') await gate.passed
        return {}
      },
      { concurrency: 1, limits: { messages: 1, classMessages: 1000, laneBytes: 1e6, bytes: 1e7 } },
    )
    await store(one('e0', 'a'))
    await ran.reach(1)
    const other = { bundle: 'b2', policy: { attempts: 3 } }
    await storeMixed(mixed([one('e1', 'a'), one('e2', 'a')], [one('e1', 'b')], [one('e3', 'a', other)]))
    await ran.find(({ what }) => what === 'runner.b.one', 'the other rule')
    const apart = async () =>
      (await storedIn<ReactionBatch>(nc, `${ns}_REACTIONS`)).filter(({ subject }) => subject.includes('.slow.'))
    await until(async () => (await apart()).length === 2, 'the parts')
    expect((await apart()).map(({ subject }) => subject)).toEqual([`${ns}.reaction.slow.a`, `${ns}.reaction.slow.a`])
    expect((await apart()).map(({ body }) => body)).toMatchObject([
      { bundle: 'b1', reactions: [{ event: { id: 'e1' } }, { event: { id: 'e2' } }] },
      { bundle: 'b2', policy: { attempts: 3 }, reactions: [{ event: { id: 'e3' } }] },
    ])
    gate.open()
    await drained()
    expect(ran.items).toHaveLength(5)
    await worker.stop()
  })

  it('that comes again is passed over as far as it was done', async () => {
    const { start, store, storeMixed, drained, done, ran } = await open()
    const worker = await start()
    await store(one('e1', 'a'))
    await drained()
    await storeMixed(mixed([one('e1', 'a')], [one('e1', 'b')]))
    await storeMixed(mixed([one('e1', 'b')], [one('e1', 'a')]), 'mixed-2')
    await drained()
    expect(done()).toEqual(['e1/a done', 'e1/b done'])
    expect(ran.items).toHaveLength(2)
    await worker.stop()
  })

  it.each(['{}', '[1]', '[{"rule":"a"}]', '[{"rule":"a","reactions":[{}]}]', 'x', '[null]'])(
    'that is none is dropped with a word in the log: %s',
    async body => {
      const { start, storeMixed, drained, lines, ran } = await open()
      const worker = await start()
      await storeMixed(body)
      await lines.find(({ msg }) => msg.includes('malformed and dropped'), 'the log')
      await drained()
      expect(ran.items).toEqual([])
      await worker.stop()
    },
  )
})
