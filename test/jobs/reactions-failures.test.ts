import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ReactorError } from '../../src/base/errors.ts'
import type { Decision } from '../../src/protocol/reaction.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { createGate } from '../helpers/wait.ts'
import { action, hurriedClock, openReactions, reaction } from './reactions.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const open = () => openReactions(server)
const shown = ({ key, attempt = 1, state }: Decision) => `${key} ${attempt} ${state}`

describe('a reaction whose targets are wider than its rule allows', () => {
  const wide = (max_targets: number | string, more = {}) =>
    reaction(
      'e1',
      [
        { ...action('local', 'a.a'), tgt: ['m1', 'm2'] },
        { ...action('local', 'b.b'), tgt: ['m2', 'm3'] },
      ],
      'r',
      { policy: { max_targets, attempts: 3 }, ...more },
    )

  it('is held for a person before any of it runs', async () => {
    const { start, store, decided, drained, parked, ran } = await open()
    const worker = await start()
    await store(wide(2))
    await drained()
    const reason = 'its targets mean 3 minions, more than max_targets allows (2)'
    expect(decided.items).toMatchObject([{ key: 'e1/r', state: 'held', reason, jids: [] }])
    expect(await parked()).toMatchObject([{ body: { key: 'e1/r', state: 'held', reason, reaction: { rule: 'r' } } }])
    expect(ran.items).toEqual([])
    await worker.stop()
  })

  it('may be given as a part of the known minions', async () => {
    const { start, store, decided } = await open()
    const worker = await start(async () => ({}), { known: 20 })
    await store(wide('10%'))
    const reason = 'its targets mean 3 minions, more than max_targets allows (10% of 20 known minions)'
    expect((await decided.reach(1))[0]).toMatchObject({ state: 'held', reason })
    await store(reaction('e2', wide(1).actions, 'r', { policy: { max_targets: '15%' } }))
    expect((await decided.reach(2))[1]).toMatchObject({ key: 'e2/r', state: 'done' })
    await worker.stop()
  })

  it('runs where it is as wide as allowed, and where a person has approved it', async () => {
    const { start, store, decided } = await open()
    const worker = await start()
    await store(wide(3))
    await store(wide(1, { approved: true, attempt: 2 }))
    expect((await decided.reach(2)).map(shown).sort()).toEqual(['e1/r 1 done', 'e1/r 2 done'])
    await worker.stop()
  })

  it('that was held by a worker that died is entered by the next, still as held', async () => {
    const { start, store, decided, drained } = await open()
    const refused = createGate()
    const first = await start(undefined, {
      publish: (subject, next) => {
        if (!subject.includes('.done.')) return next()
        refused.open()
        return Promise.reject(new ReactorError('unreachable', 'the link is gone'))
      },
    })
    await store(wide(1))
    await refused.passed
    await first.stop()
    const second = await start()
    await drained()
    expect(decided.items).toMatchObject([{ state: 'held' }])
    await second.stop()
  })
})

describe('the store of parked reactions, full', () => {
  it('holds up the lane with the outcome in hand: nothing runs twice, and one alarm is raised', async () => {
    const { start, store, ran, drained, decided, parked, alarmed } = await open()
    let full = true
    const worker = await start(async () => ({ failure: 'no disk' }), {
      concurrency: 1,
      clock: hurriedClock,
      publish: (subject, next) =>
        full && subject.includes('.parked.')
          ? Promise.reject(new ReactorError('store_refused', 'maximum bytes exceeded'))
          : next(),
    })
    await store(reaction('e1', [action('runner', 'a.a')]))
    await store(reaction('e2', [action('runner', 'a.a')]))
    await alarmed.reach(3)
    expect(new Set(alarmed.items)).toEqual(new Set(['raise parked ']))
    expect(ran.items).toHaveLength(1)
    full = false
    await drained()
    expect(ran.items).toHaveLength(2)
    expect(decided.items.map(shown)).toEqual(['e1/r 1 parked', 'e2/r 1 parked'])
    expect(await parked()).toHaveLength(2)
    expect(alarmed.items).toContain('clear parked ')
    await worker.stop()
  })
})

describe('what a person has tried again and what failed again', () => {
  it('takes the place of the attempt that waited before it', async () => {
    const { start, store, drained, parked } = await open()
    const worker = await start(async ({ asked }) => ({ failure: `attempt ${asked.work!.key.slice(-1)}` }))
    await store(reaction('e1', [action('runner', 'a.a')]))
    await drained()
    await store(reaction('e1', [action('runner', 'a.a')], 'r', { attempt: 2 }))
    await drained()
    expect((await parked()).map(({ body }) => `${body.attempt} ${body.reason}`)).toEqual(['2 runner.a.a: attempt 2'])
    await worker.stop()
  })
})

describe('a rule that keeps failing', () => {
  it('raises an alarm at the fifth reaction in a row, which its next success ends', async () => {
    const { start, store, drained, alarmed, decided } = await open()
    let well = false
    const worker = await start(async () => (well ? {} : { failure: 'no' }), { concurrency: 1 })
    const put = (n: number) => store(reaction(`e${n}`, [action('runner', 'a.a')]))
    for (let n = 0; n < 4; n++) await put(n)
    await decided.reach(4)
    expect(alarmed.items).toEqual([])
    await put(4)
    await alarmed.reach(1)
    well = true
    await put(5)
    await drained()
    expect(alarmed.items).toEqual(['raise rule r', 'clear rule r'])
    await worker.stop()
  })

  it('is not one that fails now and then', async () => {
    const { start, store, drained, alarmed } = await open()
    const worker = await start(async ({ asked }) => (asked.cause === 'e3' ? {} : { failure: 'no' }), { concurrency: 1 })
    for (let n = 0; n < 8; n++) await store(reaction(`e${n}`, [action('runner', 'a.a')]))
    await drained()
    expect(alarmed.items).toEqual([])
    await worker.stop()
  })
})

describe('the final failure of a rule with on_failure', () => {
  const policy = { on_failure: true as const }

  it('is an event with the event that it was about, its cause, hops and chain', async () => {
    const { start, store, drained, fire, events } = await open()
    const { id, seq } = await fire('my/tag', { x: [1] }, { hops: 3 })
    const worker = await start(async () => ({ failure: 'no disk' }))
    const about = { id, seq, tag: 'my/tag', origin: '_jobs', storedMs: Date.now(), hops: 3, chain: 'before' }
    await store(reaction(id, [action('runner', 'a.a')], 'r', { policy, event: about }))
    await drained()
    const [told] = events.items.filter(({ tag }) => tag.startsWith('salt/reactor'))
    expect(told).toMatchObject({ tag: 'salt/reactor/failed/r', cause: id, hops: 4, chain: 'before,r' })
    expect(told!.data).toEqual({
      rule: 'r',
      reason: 'runner.a.a: no disk',
      attempts: 1,
      jids: ['jid of a.a'],
      event: { id, tag: 'my/tag', origin: '_jobs', stamp: expect.any(String), data: { x: [1] } },
    })
    expect(told!.id).toMatch(/^[\w-]{43}$/)
    await worker.stop()
  })

  it('carries what the rule saw, where its event does not give that back', async () => {
    const { start, store, events } = await open()
    const worker = await start(async () => ({ failure: 'no' }))
    const seen = {
      ...{ tag: 'salt/minion/web9/absent', origin: 'web9', stamp: '2026-11-20T09:18:20.838387', data: { id: 'web9' } },
      window: { key: 'web9', count: 0, first: 'f', last: 'l', events: [] },
    }
    const event = { ...reaction('seq-absent.r.web9.1', []).event, seq: 0 }
    await store(reaction(event.id, [action('runner', 'a.a')], 'r', { policy, event, seen }))
    const told = await events.find(({ tag }) => tag === 'salt/reactor/failed/r', 'the event')
    expect(told.data.event).toEqual({ id: event.id, ...seen })
    await worker.stop()
  })

  it('has no data of an event that is gone, nor of another that stands at its place', async () => {
    const { start, store, fire, events } = await open()
    const { seq } = await fire('another', { secret: 1 })
    const worker = await start(async () => ({ failure: 'no' }))
    const at = (id: string, of: number) => ({ ...reaction(id, []).event, seq: of })
    await store(reaction('e1', [action('runner', 'a.a')], 'r', { policy, event: at('e1', seq) }))
    await store(reaction('e2', [action('runner', 'a.a')], 'r', { policy, event: at('e2', 999) }))
    await events.reach(3)
    expect(events.items.slice(1).map(({ data }) => (data.event as { data: unknown }).data)).toEqual([{}, {}])
    await worker.stop()
  })

  it('leaves out data that would not fit, and says so', async () => {
    const { start, store, fire, events, nc } = await open()
    const { id, seq } = await fire('my/tag', { x: 'x'.repeat(nc.info!.max_payload - 200) })
    const worker = await start(async () => ({ failure: 'no' }))
    const event = { ...reaction(id, []).event, seq }
    await store(reaction(id, [action('runner', 'a.a')], 'r', { policy, event }))
    const told = await events.find(({ tag }) => tag === 'salt/reactor/failed/r', 'the event')
    expect(told.data.event).toMatchObject({ data: {}, left_out: expect.stringContaining('larger than a message') })
    await worker.stop()
  })

  it('comes after the last attempt only', async () => {
    const { start, store, drained, events } = await open()
    const worker = await start(async () => ({ failure: 'no' }))
    await store(
      reaction('e1', [action('runner', 'a.a')], 'r', { policy: { ...policy, attempts: 2, backoff: [10, 10] } }),
    )
    await drained()
    expect(events.items).toMatchObject([{ data: { attempts: 2 } }])
    await worker.stop()
  })
})

describe('a reaction that fails here', () => {
  it('is not parked where another worker has done it meanwhile', async () => {
    const { start, store, publisher, subjects, decided, drained, parked } = await open()
    const one = reaction('e1', [action('runner', 'a.a')])
    const done = { key: 'e1/r', rule: 'r', event: 'e1', tag: 'my/tag', state: 'done', ms: 1, jids: [] } as const
    const worker = await start(async () => {
      const body = JSON.stringify({ worker: 'other', decisions: [done] })
      await publisher.publish(subjects.done('other'), body, { id: 'of the other' })
      return { failure: 'too late' }
    })
    await store(one)
    await drained()
    expect(decided.items).toEqual([done])
    expect(await parked()).toEqual([])
    await worker.stop()
  })
})
