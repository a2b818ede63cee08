import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ReactorError } from '../../src/base/errors.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { createGate, within } from '../helpers/wait.ts'
import { action, hurriedClock, openReactions, reaction } from './reactions.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const open = () => openReactions(server)

describe('a reaction whose actions go well', () => {
  it('is entered in the ledger as done, then acked', async () => {
    const { start, store, decided, drained, parked } = await open()
    const worker = await start()
    await store(reaction('e1', [action('runner', 'test.arg')]))
    const decision = await decided.find(({ key }) => key === 'e1/r', 'the decision')
    expect(decision).toEqual({
      key: 'e1/r',
      rule: 'r',
      event: 'e1',
      tag: 'my/tag',
      state: 'done',
      ms: expect.any(Number),
      jids: ['jid of test.arg'],
    })
    await drained()
    expect(worker.ledger.has('e1/r')).toBe(true)
    expect(await parked()).toEqual([])
    await worker.stop()
  })

  it('runs its actions in order, each asked for by the rule, under a key of its own', async () => {
    const { start, store, ran, decided } = await open()
    const worker = await start()
    const one = reaction('e1', [action('local', 'a.a'), action('runner', 'b.b'), action('wheel', 'c.c')])
    await store(one)
    await decided.reach(1)
    const asked = (index: number) => ({
      user: 'rule:r',
      cause: 'e1',
      hops: 2,
      chain: 'r',
      work: { key: `e1/r/${index}/1`, causeMs: one.event.storedMs },
    })
    expect(ran.items).toEqual([
      { what: 'local.a.a', asked: asked(0), tgt: 'web1' },
      { what: 'runner.b.b', asked: asked(1) },
      { what: 'wheel.c.c', asked: asked(2) },
    ])
    expect(decided.items[0]!.jids).toEqual(['jid of a.a', 'jid of b.b', 'jid of c.c'])
    await worker.stop()
  })

  it('brings the returners of a local action along', async () => {
    const { start, store, ran, decided } = await open()
    const worker = await start()
    const returning = { ret: 'mysql', ret_config: 'other', ret_kwargs: { db: 'x' } }
    await store(reaction('e1', [{ ...action('local', 'a.a'), ...returning }]))
    await decided.reach(1)
    expect(ran.items).toMatchObject([{ what: 'local.a.a', tgt: 'web1', returning }])
    await worker.stop()
  })

  it('is asked for by the schedule whose entry it is', async () => {
    const { start, store, ran } = await open()
    const worker = await start()
    await store(reaction('slot', [action('runner', 'b.b')], 'schedule:tick'))
    await ran.reach(1)
    expect(ran.items[0]!.asked.user).toBe('schedule:tick')
    await worker.stop()
  })
})

describe('a reaction with an action that fails', () => {
  it('is parked with the reason and entered in the ledger; the actions after it run all the same', async () => {
    const { start, store, ran, decided, drained, parked } = await open()
    const worker = await start(async ({ what }) =>
      what === 'runner.a.a' ? { failure: 'no disk' } : what === 'local.c.c' ? { refused: { web1: 'too busy' } } : {},
    )
    const one = reaction('e1', [action('runner', 'a.a'), action('runner', 'b.b'), action('local', 'c.c')])
    await store(one)
    const decision = await decided.find(({ key }) => key === 'e1/r', 'the decision')
    const reason = 'runner.a.a: no disk; local.c.c: web1 refused: too busy'
    expect(decision).toMatchObject({ state: 'parked', reason })
    expect(ran.items.map(({ what }) => what)).toEqual(['runner.a.a', 'runner.b.b', 'local.c.c'])
    await drained()
    expect(await parked()).toMatchObject([{ body: { key: 'e1/r', reason, reaction: one } }])
    await worker.stop()
  })

  it('is entered in the ledger as often as it takes, and neither runs nor parks again for that', async () => {
    const { start, store, ran, parked, drained, jsm, ns } = await open()
    let refusals = 0
    const worker = await start(async () => ({ failure: 'no disk' }), {
      clock: hurriedClock,
      publish: (subject, next) => {
        if (subject.includes('.done.') && refusals++ < 3)
          return Promise.reject(new ReactorError('store_refused', 'the store is full'))
        return next()
      },
    })
    await store(reaction('e1', [action('runner', 'a.a')]))
    await drained()
    expect(refusals).toBe(4)
    expect(ran.items).toHaveLength(1)
    expect((await parked()).map(({ body }) => body.key)).toEqual(['e1/r'])
    expect((await jsm.streams.info(`${ns}_PARKED`)).state.last_seq).toBe(1)
    await worker.stop()
  })

  it('is parked where the action cannot even start', async () => {
    const { start, store, decided } = await open()
    const worker = await start(async () => {
      throw new ReactorError('no_minions', 'no minions matched the target "web1" (glob)')
    })
    await store(reaction('e1', [action('local', 'a.a')]))
    expect((await decided.reach(1))[0]).toMatchObject({
      state: 'parked',
      reason: 'local.a.a: no minions matched the target "web1" (glob)',
      jids: [],
    })
    await worker.stop()
  })

  it('is tried again where the store or a service is away, and what is done before it is not done again', async () => {
    const { start, store, ran, decided } = await open()
    let away = 2
    const worker = await start(async ({ what }) => {
      if (what === 'wheel.b.b' && away-- > 0) throw new ReactorError('unreachable', 'nobody answers')
      return {}
    })
    await store(reaction('e1', [action('runner', 'a.a'), action('wheel', 'b.b')]))
    expect((await decided.reach(1))[0]).toMatchObject({ state: 'done' })
    expect(ran.items.map(({ what }) => what)).toEqual(['runner.a.a', 'wheel.b.b', 'wheel.b.b', 'wheel.b.b'])
    await worker.stop()
  })

  it('that is being tried again when the worker stops is left to the next worker', async () => {
    const { start, store, ran, decided } = await open()
    const first = await start(async () => {
      throw new ReactorError('unreachable', 'nobody answers')
    })
    await store(reaction('e1', [action('wheel', 'b.b')]))
    await ran.reach(1)
    await within(first.stop(), 'the stop')
    expect(decided.items).toEqual([])
    const second = await start()
    expect((await decided.reach(1))[0]).toMatchObject({ key: 'e1/r', state: 'done' })
    await second.stop()
  })
})

describe('a reaction that is delivered again', () => {
  it('after its decision was stored does not run again, and is acked', async () => {
    const { start, store, ran, drained } = await open()
    const first = await start()
    await first.ledger.append({ key: 'e1/r', rule: 'r', event: 'e1', tag: 't', state: 'done', ms: 1, jids: [] })
    await store(reaction('e1', [action('runner', 'a.a')]))
    await drained()
    expect(ran.items).toEqual([])
    await first.stop()
  })

  it('to another worker, which reads the ledger first, does not run again', async () => {
    const { start, store, ran, drained } = await open()
    const first = await start()
    const one = reaction('e1', [action('runner', 'a.a')])
    await store(one)
    await drained()
    await first.stop()
    // A server that was killed may forget its dedupe ids and deliver what was acked.
    await store(one, 'another id')
    const second = await start()
    await drained()
    expect(ran.items).toHaveLength(1)
    await second.stop()
  })

  it('while it still runs in the same worker does not run beside itself', async () => {
    const { start, store, ran, decided, drained } = await open()
    const gate = createGate()
    const worker = await start(async () => {
      await gate.passed
      return {}
    })
    const one = reaction('e1', [action('runner', 'a.a')])
    await store(one)
    await ran.reach(1)
    await store(one, 'another id')
    await store(reaction('e2', [action('runner', 'a.a')]))
    await ran.reach(2)
    gate.open()
    await drained()
    expect(ran.items.map(({ asked }) => asked.cause)).toEqual(['e1', 'e2'])
    expect(decided.items.map(({ key }) => key).sort()).toEqual(['e1/r', 'e2/r'])
    await worker.stop()
  })
})

describe('the stream of reactions', () => {
  it('loses what is malformed, with a word in the log, and goes on', async () => {
    const { start, store, publisher, subjects, lines, decided, drained } = await open()
    const worker = await start()
    for (const body of ['no json', '[]', '{"rule":"r","actions":[]}', '{"rule":"r","reactions":[{"actions":[]}]}'])
      await publisher.publish(subjects.reaction('fast', 'r'), body)
    await store(reaction('e1', [action('runner', 'a.a')]))
    await decided.reach(1)
    await drained()
    expect(lines.items.filter(({ msg }) => msg.includes('malformed and dropped'))).toHaveLength(4)
    await worker.stop()
  })

  it('settles each reaction of a message by itself, and acks the message after the last', async () => {
    const { start, storeBatch, decided, drained, jsm, ns, ran } = await open()
    const gate = createGate()
    const worker = await start(async ({ asked }) => {
      if (asked.cause === 'e2') await gate.passed
      return asked.cause === 'e3' ? { failure: 'no' } : {}
    })
    const all = ['e1', 'e2', 'e3', 'e1'].map(id => reaction(id, [action('runner', 'a.a')]))
    await storeBatch(all, 'a batch')
    await decided.reach(2)
    expect((await jsm.streams.info(`${ns}_REACTIONS`)).state.messages).toBe(1)
    expect(worker.stats()).toMatchObject({ waiting: [{ rule: 'r', fast: 1, slow: 0 }], running: 1 })
    gate.open()
    await drained()
    expect(decided.items.map(({ key, state }) => `${key} ${state}`).sort()).toEqual([
      'e1/r done',
      'e2/r done',
      'e3/r parked',
    ])
    expect(ran.items).toHaveLength(3)
    expect(worker.stats()).toMatchObject({ waiting: [], running: 0, bytes: 0, latency: { count: 3 } })
    expect([...worker.stats().decisions.get('r')!]).toEqual(
      expect.arrayContaining([
        ['done', 2],
        ['parked', 1],
      ]),
    )
    await worker.stop()
  })

  it('feeds rules side by side: a slow one holds up no other', async () => {
    const { start, store, decided } = await open()
    const gate = createGate()
    const worker = await start(
      async ({ what }) => {
        if (what === 'runner.slow.one') await gate.passed
        return {}
      },
      { concurrency: 1 },
    )
    for (const id of ['e1', 'e2', 'e3']) await store(reaction(id, [action('runner', 'slow.one')], 'slow'))
    for (const id of ['e1', 'e2', 'e3']) await store(reaction(id, [action('runner', 'quick.one')], 'quick'))
    await decided.reach(3)
    expect(decided.items.map(({ rule }) => rule)).toEqual(['quick', 'quick', 'quick'])
    gate.open()
    await decided.reach(6)
    await worker.stop()
  })

  it('shares its reactions among workers, each of which runs once', async () => {
    const { start, store, ran, drained } = await open()
    const workers = await Promise.all([start(), start()])
    await Promise.all(Array.from({ length: 60 }, (_, i) => store(reaction(`e${i}`, [action('runner', 'a.a')]))))
    await drained()
    expect(new Set(ran.items.map(({ asked }) => asked.cause)).size).toBe(60)
    expect(ran.items).toHaveLength(60)
    await Promise.all(workers.map(worker => worker.stop()))
  })
})

describe('a worker that stops', () => {
  it('parks nothing: what runs is cut short and what waits is left, and another worker does both', async () => {
    const { start, store, ran, decided, drained, parked, handedOut } = await open()
    const cut = createGate()
    const worker = await start(
      async () => {
        await cut.passed
        return { stopped: true }
      },
      { concurrency: 2, stopFunctions: cut.open },
    )
    for (let n = 0; n < 10; n++) await store(reaction(`e${n}`, [action('runner', 'test.arg')]))
    await ran.reach(2)
    // All ten are in hand: what is on its way to a worker that stops comes again later, when its ack is overdue.
    await handedOut(10)
    await worker.stop()
    expect(decided.items).toEqual([])
    const other = await start()
    await decided.reach(10)
    await drained()
    expect(decided.items.map(({ state }) => state)).toEqual(Array(10).fill('done'))
    expect(await parked()).toEqual([])
    await other.stop()
  })
})

describe('what others write into a reason', () => {
  it('cannot keep a reaction from being recorded', async () => {
    const { start, store, decided, drained, parked } = await open()
    const worker = await start(async ({ what }) =>
      what === 'local.a.a' ? { refused: { web1: 'no '.repeat(400_000) } } : { failure: 'x'.repeat(600_000) },
    )
    await store(reaction('e1', [action('local', 'a.a'), action('runner', 'b.b')]))
    const decision = await decided.find(({ key }) => key === 'e1/r', 'the decision')
    expect(decision.state).toBe('parked')
    expect(decision.reason!.length).toBeLessThan(4001)
    expect(decision.reason).toMatch(/^local\.a\.a: web1 refused: no no .*…; runner\.b\.b: x+…$/)
    await drained()
    expect(await parked()).toHaveLength(1)
    await worker.stop()
  })

  it('parks a reaction that fills a message without its actions', async () => {
    const { start, store, decided, drained, parked, nc } = await open()
    const worker = await start(async () => ({ failure: 'no '.repeat(300) }))
    const large = { ...action('runner', 'b.b'), arg: ['x'.repeat(nc.info!.max_payload - 600)] }
    await store(reaction('e1', [large]))
    await decided.find(({ key, state }) => key === 'e1/r' && state === 'parked', 'the decision')
    await drained()
    expect((await parked())[0]!.body.reaction).not.toHaveProperty('actions')
    await worker.stop()
  })
})

it('is parked when none of its minions is there, and done when some are', async () => {
  const { start, store, decided } = await open()
  const worker = await start(async () => ({ offline: ['web1'] }))
  await store(reaction('e1', [action('local', 'a.a')]))
  expect(await decided.find(({ key }) => key === 'e1/r', 'the decision')).toMatchObject({
    state: 'parked',
    reason: 'local.a.a: offline: web1',
  })
  await worker.stop()
})
