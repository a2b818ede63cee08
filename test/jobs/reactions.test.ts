import { jetstreamManager } from '@nats-io/jetstream'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { ReactorError } from '../../src/base/errors.ts'
import { type Ledger, openLedger } from '../../src/jobs/ledger.ts'
import type { Asked } from '../../src/jobs/publish.ts'
import { startReactions } from '../../src/jobs/reactions.ts'
import type { FunctionCall } from '../../src/jobs/run-function.ts'
import type { Published, PublishMessage, ReactionAction } from '../../src/protocol/job.ts'
import type { Decision, Parked, Reaction } from '../../src/protocol/reaction.ts'
import { keptLog, openCore, storedIn } from '../helpers/core.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { createGate, createSeen, within } from '../helpers/wait.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

type Ran = { what: string; asked: Asked }
type Behaviour = (call: Ran) => Promise<{
  refused?: Record<string, string>
  offline?: string[]
  failure?: string
  stopped?: boolean
}>

const action = (kind: ReactionAction['kind'], fun: string): ReactionAction => ({
  kind,
  fun,
  arg: [],
  kwarg: {},
  ...(kind === 'local' ? { tgt: 'web1', tgt_type: 'glob' } : {}),
})

const reaction = (event: string, actions: ReactionAction[], rule = 'r'): Reaction => ({
  rule,
  bundle: 'b1',
  event: { id: event, tag: 'my/tag', origin: '_user-root', seq: 1, storedMs: Date.now(), hops: 2 },
  actions,
})

const PUBLISHED = { minions: ['web1'], missing: [], waiting: [], deadline: 0, run_until: 0 }

/** Workers on one namespace, whose actions do what `behave` says. */
async function open() {
  const core = await openCore(server)
  const { nc, ns, subjects, publisher } = core
  const ran = createSeen<Ran>()
  const { log, lines } = keptLog()
  const jsm = await jetstreamManager(nc)
  const decided = createSeen<Decision>()
  nc.subscribe(`${ns}.decision.done.>`, {
    callback: (_error, message) => {
      for (const decision of message.json<{ decisions: Decision[] }>().decisions) decided.push(decision)
    },
  })
  await nc.flush()
  const start = async (
    behave: Behaviour = async () => ({}),
    more: { concurrency?: number; append?: Ledger['append']; stopFunctions?(): void } = {},
  ) => {
    const worker = `w${Math.random().toString(36).slice(2)}`
    const opened = await openLedger(nc, subjects, publisher, worker, log)
    const ledger = { ...opened, append: more.append ?? opened.append }
    const act = (what: string, asked: Asked) => {
      const call = { what, asked }
      ran.push(call)
      return behave(call)
    }
    const run = async ({ fun, arg: _arg, kwarg: _kwarg, ...asked }: FunctionCall, kind: string) => {
      const { failure, stopped } = await act(`${kind}.${fun}`, asked as Asked)
      if (stopped) return { jid: `jid of ${fun}`, outcome: { ok: false, code: 'stopped', message: 'stopped' } as const }
      return {
        jid: `jid of ${fun}`,
        outcome: failure
          ? ({ ok: false, code: 'function_failed', message: failure } as const)
          : ({ ok: true, value: 1 } as const),
      }
    }
    const reactions = await startReactions({
      nc,
      subjects,
      publisher,
      ledger,
      publishJob: async ({ fun }: PublishMessage, asked): Promise<Published> => {
        const { refused = {}, offline = [] } = await act(`local.${fun}`, asked)
        return { ...PUBLISHED, jid: `jid of ${fun}`, offline, refused }
      },
      runFunction: call => run(call, 'runner'),
      callWheel: call => run(call, 'wheel'),
      ...(more.stopFunctions ? { stopFunctions: more.stopFunctions } : {}),
      concurrency: more.concurrency ?? 4,
      clock: systemClock,
      log,
    })
    return {
      ledger,
      async stop() {
        await reactions.stop()
        await ledger.stop()
      },
    }
  }
  const store = (one: Reaction, id = `${one.event.id}/${one.rule}`) =>
    publisher.publish(subjects.reaction('fast', one.rule), JSON.stringify(one), { id })
  /** Resolves when every message has been acked; a work queue keeps none of those. */
  const drained = () =>
    within(
      (async () => {
        for (;;) {
          const { state } = await jsm.streams.info(`${ns}_REACTIONS`)
          if (state.messages === 0) return
        }
      })(),
      'the last ack',
    )
  /** Resolves when so many reactions are with workers. */
  const handedOut = (count: number) =>
    within(
      (async () => {
        for (;;) {
          const { num_ack_pending } = await jsm.consumers.info(`${ns}_REACTIONS`, `${ns}_jobs_fast`)
          if (num_ack_pending === count) return
        }
      })(),
      `${count} reactions handed out`,
    )
  const parked = () => storedIn<Parked>(nc, `${ns}_PARKED`)
  return { ...core, start, store, ran, lines, decided, drained, parked, handedOut, jsm }
}

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
      work: { key: `e1/r/${index}/1`, causeMs: one.event.storedMs },
    })
    expect(ran.items).toEqual([
      { what: 'local.a.a', asked: asked(0) },
      { what: 'runner.b.b', asked: asked(1) },
      { what: 'wheel.c.c', asked: asked(2) },
    ])
    expect(decided.items[0]!.jids).toEqual(['jid of a.a', 'jid of b.b', 'jid of c.c'])
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

  it('is parked once where its end could not be entered in the ledger and it is done again', async () => {
    const { start, store, ran, parked, jsm, ns } = await open()
    const worker = await start(async () => ({ failure: 'no disk' }), {
      append: async () => {
        throw new ReactorError('store_refused', 'the store is full')
      },
    })
    await store(reaction('e1', [action('runner', 'a.a')]))
    // The third time it runs, it has been parked twice.
    await ran.reach(3)
    expect((await parked()).map(({ id }) => id)).toEqual(['parked/e1/r'])
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
    await first.ledger.append({ key: 'e1/r', rule: 'r', event: 'e1', state: 'done', ms: 1, jids: [] })
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
    for (const body of ['no json', '[]', '{"rule":"r","actions":[]}', '{"event":{"id":"e"},"actions":[]}'])
      await publisher.publish(subjects.reaction('fast', 'r'), body)
    await store(reaction('e1', [action('runner', 'a.a')]))
    await decided.reach(1)
    await drained()
    expect(lines.items.filter(({ msg }) => msg.includes('malformed and dropped'))).toHaveLength(4)
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
