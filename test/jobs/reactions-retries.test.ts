import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { ReactorError } from '../../src/base/errors.ts'
import { backoff, scheduleAttempt } from '../../src/jobs/reactions/retry.ts'
import type { Decision, Reaction } from '../../src/protocol/reaction.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { createGate } from '../helpers/wait.ts'
import { action, openReactions, reaction } from './reactions.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const open = () => openReactions(server)
const retried = (event: string, actions: Reaction['actions'], attempts = 3, more: Reaction['policy'] = {}): Reaction =>
  reaction(event, actions, 'r', { policy: { attempts, backoff: [20, 40], ...more } })
const shown = ({ key, attempt = 1, state }: Decision) => `${key} ${attempt} ${state}`

/** What is due comes all the same, in the server's time. */
function stoppedClock() {
  const now = Date.now()
  return { clock: { ...systemClock, now: () => now }, soon: now + 100, over: now - 1 }
}

describe('the wait before another attempt', () => {
  it('doubles from the shortest to the longest, half of it by chance', () => {
    const waits = (chance: number) =>
      [1, 2, 3, 4, 50, 2000].map(attempt => backoff({ backoff: [100, 500] }, attempt, () => chance))
    expect(waits(0)).toEqual([50, 100, 200, 250, 250, 250])
    expect(waits(1)).toEqual([100, 200, 400, 500, 500, 500])
    expect(backoff(undefined, 1, () => 1)).toBe(1000)
  })
})

describe('a reaction that fails and has attempts left', () => {
  it('is retrying in the ledger with why and when, comes again by itself, and is parked after the last', async () => {
    const { start, store, decided, drained, ran, parked } = await open()
    const worker = await start(async () => ({ failure: 'no disk' }))
    await store(retried('e1', [action('runner', 'a.a')]))
    await decided.reach(3)
    await drained()
    expect(decided.items.map(shown)).toEqual(['e1/r 1 retrying', 'e1/r 2 retrying', 'e1/r 3 parked'])
    const [first, , last] = decided.items as [Decision, Decision, Decision]
    expect(first).toMatchObject({ reason: 'runner.a.a: no disk', jids: ['jid of a.a'], next: expect.any(Number) })
    expect(last).not.toHaveProperty('next')
    expect(ran.items.map(({ asked }) => asked.work!.key)).toEqual(['e1/r/0/1', 'e1/r/0/2', 'e1/r/0/3'])
    expect(await parked()).toMatchObject([{ body: { key: 'e1/r', attempt: 3, reaction: { attempt: 3 } } }])
    expect(worker.ledger.retrying('e1/r#2')).toBeUndefined()
    await worker.stop()
  })

  it('does only what failed again, under the numbers that its actions have', async () => {
    const { start, store, decided, drained, ran } = await open()
    const failing = new Set(['runner.b.b', 'runner.c.c'])
    const worker = await start(async ({ what }) => {
      if (!failing.has(what)) return {}
      // The last of them fails twice.
      if (what === 'runner.b.b' || ran.items.length > 4) failing.delete(what)
      return { failure: 'not yet' }
    })
    await store(
      retried(
        'e1',
        ['a.a', 'b.b', 'c.c'].map(fun => action('runner', fun)),
      ),
    )
    await decided.find(({ state }) => state === 'done', 'the end')
    await drained()
    expect(ran.items.map(({ asked }) => asked.work!.key)).toEqual([
      ...['e1/r/0/1', 'e1/r/1/1', 'e1/r/2/1'],
      ...['e1/r/1/2', 'e1/r/2/2'],
      'e1/r/2/3',
    ])
    expect(decided.items.map(shown)).toEqual(['e1/r 1 retrying', 'e1/r 2 retrying', 'e1/r 3 done'])
    await worker.stop()
  })

  it('asks after the job that minions who are away may still come for, and makes no second one', async () => {
    const { start, store, decided, ran } = await open()
    let away = 2
    const worker = await start(async ({ what }) =>
      what === 'local.a.a' && away-- > 0
        ? { offline: ['web1'], deadline: away > 0 ? Date.now() + 60_000 : Date.now() - 1 }
        : {},
    )
    await store(retried('e1', [action('local', 'a.a'), action('runner', 'b.b')]))
    await decided.find(({ state }) => state === 'done', 'the end')
    const keys = ran.items.filter(({ what }) => what === 'local.a.a').map(({ asked }) => asked.work!.key)
    // After its deadline nobody comes for the first any more.
    expect(keys).toEqual(['e1/r/0/1', 'e1/r/0/1', 'e1/r/0/3'])
    await worker.stop()
  })

  it('is parked while its minions are away only once they may come for its job no more, and no second one is made', async () => {
    const { start, store, decided, drained, ran, parked } = await open()
    const { clock, soon, over } = stoppedClock()
    const worker = await start(
      async ({ what }) =>
        what === 'local.a.a' ? { offline: ['web1'], deadline: ran.items.length === 1 ? soon : over } : {},
      { clock },
    )
    await store(reaction('e1', [action('local', 'a.a'), action('runner', 'b.b')]))
    await decided.reach(2)
    await drained()
    const reason = 'local.a.a: offline: web1'
    expect(decided.items).toMatchObject([
      { state: 'retrying', reason, left: [[0, 1]] },
      { state: 'parked', reason, attempt: 2 },
    ])
    expect(decided.items[0]!.next).toBeGreaterThan(soon)
    expect(ran.items.map(({ asked }) => asked.work!.key)).toEqual(['e1/r/0/1', 'e1/r/1/1', 'e1/r/0/1'])
    expect(await parked()).toMatchObject([{ body: { reason, attempt: 2 } }])
    await worker.stop()
  })

  it('is done where a minion that was away has come for its job before its deadline', async () => {
    const { start, store, decided, drained, ran, parked } = await open()
    const { clock, soon } = stoppedClock()
    const worker = await start(async () => (ran.items.length <= 2 ? { offline: ['web1'], deadline: soon } : {}), {
      clock,
    })
    await store(retried('e1', [action('local', 'a.a')], 2))
    await decided.find(({ state }) => state === 'done', 'the end')
    await drained()
    expect(decided.items.map(shown)).toEqual(['e1/r 1 retrying', 'e1/r 2 retrying', 'e1/r 3 done'])
    expect(ran.items.map(({ asked }) => asked.work!.key)).toEqual(Array(3).fill('e1/r/0/1'))
    expect(await parked()).toEqual([])
    await worker.stop()
  })

  it.each([
    ['something else of it has failed', 'r', 'no disk'],
    ['it is the run of an entry of the schedule, for which the next ones wait', 'schedule:tidy', undefined],
  ])('is parked at once while its minions are away where %s', async (_what, rule, failure) => {
    const { start, store, decided } = await open()
    const worker = await start(async ({ what }) =>
      what === 'local.a.a' ? { offline: ['web1'], deadline: Date.now() + 60_000 } : failure ? { failure } : {},
    )
    await store(reaction('e1', [action('local', 'a.a'), action('runner', 'b.b')], rule))
    expect(await decided.reach(1)).toMatchObject([{ state: 'parked', rule }])
    await worker.stop()
  })

  it('asks only those minions again that did not take it', async () => {
    const { start, store, decided, ran } = await open()
    const refusing = [{ m2: 'busy', m3: 'stopping' }, { m3: 'stopping' }, {}]
    const worker = await start(async ({ tgt }) => ({
      minions: tgt === 'web1' ? ['m1', 'm2', 'm3'] : [tgt!].flat(),
      refused: refusing[ran.items.length - 1]!,
    }))
    await store(retried('e1', [action('local', 'a.a')]))
    await decided.find(({ state }) => state === 'done', 'the end')
    expect(ran.items.map(({ tgt }) => tgt)).toEqual(['web1', ['m2', 'm3'], ['m3']])
    expect(decided.items[0]).toMatchObject({ state: 'retrying', left: [[0, 2, ['m2', 'm3']]] })
    await worker.stop()
  })

  it('asks all of its target again where nobody took it', async () => {
    const { start, store, decided, ran } = await open()
    const worker = await start(async () => (ran.items.length === 1 ? { refused: { web1: 'busy' } } : {}))
    await store(retried('e1', [action('local', 'a.a')]))
    await decided.find(({ state }) => state === 'done', 'the end')
    expect(ran.items.map(({ tgt }) => tgt)).toEqual(['web1', 'web1'])
    await worker.stop()
  })

  it('is parked where its next attempt would be larger than a message may be', async () => {
    const { start, store, decided, nc } = await open()
    const worker = await start(async () => ({ failure: 'no' }))
    const large = { ...action('runner', 'b.b'), arg: ['x'.repeat(nc.info!.max_payload - 700)] }
    await store(retried('e1', [large]))
    expect((await decided.reach(1)).map(shown)).toEqual(['e1/r 1 parked'])
    await worker.stop()
  })

  it('is not run where a person has dropped it meanwhile', async () => {
    const { start, store, decided, drained, ran } = await open()
    const worker = await start(async () => ({ failure: 'no' }))
    const dropped: Decision = { key: 'e1/r', rule: 'r', event: 'e1', tag: 't', state: 'dropped', ms: 0, jids: [] }
    await worker.ledger.append({ ...dropped, attempt: 2, by: 'root' })
    await store(retried('e1', [action('runner', 'a.a')]))
    await decided.find(({ state }) => state === 'retrying', 'the first attempt')
    await drained()
    expect(ran.items).toHaveLength(1)
    await worker.stop()
  })
})

describe('a worker that dies', () => {
  /** Refuses what goes to such a subject, for as long as the worker lives. */
  const deafTo = (part: string) => {
    const refused = createGate()
    return {
      refused: refused.passed,
      publish: (subject: string, next: () => Promise<{ seq: number; duplicate: boolean }>) => {
        if (!subject.includes(part)) return next()
        refused.open()
        return Promise.reject(new ReactorError('unreachable', 'the link is gone'))
      },
    }
  }

  it('before the ledger has its retry leaves the attempt to another', async () => {
    const { start, store, decided, drained, ran } = await open()
    const crash = deafTo('.done.')
    const first = await start(async () => ({ failure: 'no' }), { publish: crash.publish })
    await store(retried('e1', [action('runner', 'a.a')], 2))
    await crash.refused
    await first.stop()
    const second = await start()
    await drained()
    expect(decided.items.map(shown)).toEqual(['e1/r 1 done'])
    // Under the same key: a job that was started is found by it.
    expect(ran.items.map(({ asked }) => asked.work!.key)).toEqual(['e1/r/0/1', 'e1/r/0/1'])
    await second.stop()
  })

  it('between the ledger and the schedule leaves the schedule to another, at the same time and with what is left', async () => {
    const { start, store, decided, drained, ran } = await open()
    const crash = deafTo('.retry.')
    const first = await start(async ({ what }) => (what === 'runner.b.b' ? { failure: 'no' } : {}), {
      publish: crash.publish,
    })
    await store(retried('e1', [action('runner', 'a.a'), action('runner', 'b.b')], 2))
    await crash.refused
    await first.stop()
    expect(decided.items.map(shown)).toEqual(['e1/r 1 retrying'])
    const second = await start()
    expect(second.ledger.retrying('e1/r')).toEqual({ next: decided.items[0]!.next, left: [[1, 2]] })
    await decided.reach(2)
    await drained()
    expect(decided.items.map(shown)).toEqual(['e1/r 1 retrying', 'e1/r 2 done'])
    expect(ran.items.map(({ asked }) => asked.work!.key)).toEqual(['e1/r/0/1', 'e1/r/1/1', 'e1/r/1/2'])
    await second.stop()
  })

  it('between the schedule and the ack costs nothing: what comes again is decided', async () => {
    const { start, store, decided, drained, ran } = await open()
    const worker = await start(async () => (ran.items.length === 1 ? { failure: 'no' } : {}))
    const one = retried('e1', [action('runner', 'a.a')], 2)
    await store(one)
    await decided.reach(2)
    await store(one, 'as if the ack had been lost')
    await drained()
    expect(ran.items).toHaveLength(2)
    expect(decided.items.map(shown)).toEqual(['e1/r 1 retrying', 'e1/r 2 done'])
    await worker.stop()
  })

  it('between the parking and the ledger has it entered by another, which runs nothing', async () => {
    const { start, store, decided, drained, ran, parked } = await open()
    const crash = deafTo('.done.')
    const first = await start(async () => ({ failure: 'no disk' }), { publish: crash.publish })
    await store(reaction('e1', [action('runner', 'a.a')]))
    await crash.refused
    await first.stop()
    expect(await parked()).toHaveLength(1)
    const second = await start()
    await drained()
    expect(decided.items).toMatchObject([{ key: 'e1/r', state: 'parked', reason: 'runner.a.a: no disk' }])
    expect(ran.items).toHaveLength(1)
    await second.stop()
  })

  it('between the parking and the failure event has it fired by another', async () => {
    const { start, store, decided, drained, ran, events, jsm, ns } = await open()
    const crash = deafTo('.done.')
    // The event is fired past the worker's own publisher: killed after it, it is fired by the second too, and stored once.
    const first = await start(async () => ({ failure: 'no disk' }), { publish: crash.publish })
    await store(reaction('e1', [action('runner', 'a.a')], 'r', { policy: { on_failure: true } }))
    await crash.refused
    await first.stop()
    const second = await start()
    await drained()
    expect(decided.items).toMatchObject([{ state: 'parked' }])
    expect(ran.items).toHaveLength(1)
    expect(events.items.map(({ tag }) => tag)).toEqual(['salt/reactor/failed/r'])
    expect((await jsm.streams.info(`${ns}_EVENTS`)).state.messages).toBe(1)
    await second.stop()
  })
})

describe('an attempt that another worker took for lost', () => {
  it('is done in the ledger, and waits for nobody, where it was parked meanwhile', async () => {
    const { start, store, decided, drained, ran, parked, parkElsewhere, until } = await open()
    const gate = createGate()
    const worker = await start(async () => {
      await gate.passed
      return {}
    })
    const one = reaction('e1', [action('runner', 'a.a')])
    await store(one)
    await ran.reach(1)
    await parkElsewhere(one, 'outcome unknown')
    await until(async () => worker.ledger.has('e1/r'), 'reading the entry of the other')
    gate.open()
    await drained()
    expect(decided.items.map(shown)).toEqual(['e1/r 1 parked', 'e1/r 1 done'])
    expect(await parked()).toEqual([])
    await worker.stop()
  })
  it('stays parked for a person until the ledger has it as done', async () => {
    const { start, store, ran, parked, parkElsewhere, until } = await open()
    const gate = createGate()
    const asked = createGate()
    const worker = await start(
      async () => {
        await gate.passed
        return {}
      },
      // As if it died there.
      {
        append() {
          asked.open()
          return new Promise(() => undefined)
        },
        stopWithinMs: 1,
      },
    )
    const one = reaction('e1', [action('runner', 'a.a')])
    await store(one)
    await ran.reach(1)
    await parkElsewhere(one)
    await until(async () => worker.ledger.has('e1/r'), 'reading the entry of the other')
    gate.open()
    await asked.passed
    expect(await parked()).toHaveLength(1)
    await worker.stop()
  })

  it('is done in the ledger where a person has dropped it while it ran', async () => {
    const { start, store, decided, drained, ran, publisher, subjects, until } = await open()
    const gate = createGate()
    const worker = await start(async () => {
      await gate.passed
      return {}
    })
    await store(reaction('e1', [action('runner', 'a.a')]))
    await ran.reach(1)
    const entry = { key: 'e1/r', rule: 'r', event: 'e1', tag: 't', state: 'dropped', ms: 1, jids: [], by: 'root' }
    await publisher.publish(subjects.done('another'), JSON.stringify({ worker: 'another', decisions: [entry] }))
    await until(async () => worker.ledger.has('e1/r'), 'reading the entry of the other')
    gate.open()
    await drained()
    expect(decided.items.map(shown)).toEqual(['e1/r 1 dropped', 'e1/r 1 done'])
    await worker.stop()
  })

  it('has no other attempt where it was to be tried again', async () => {
    const { start, store, decided, drained, ran, publisher, subjects, until } = await open()
    const gate = createGate()
    const worker = await start(async () => {
      await gate.passed
      return {}
    })
    const one = reaction('e1', [action('runner', 'a.a')])
    await store(one)
    await ran.reach(1)
    const next = Date.now() + 3_600_000
    await scheduleAttempt(publisher, subjects, { ...one, attempt: 2 }, next)
    const entry = { key: 'e1/r', rule: 'r', event: 'e1', tag: 't', state: 'retrying', ms: 1, jids: [], next }
    await publisher.publish(subjects.done('another'), JSON.stringify({ worker: 'another', decisions: [entry] }))
    await until(async () => worker.ledger.has('e1/r'), 'reading the entry of the other')
    gate.open()
    // The schedule is a message of the stream too.
    await drained()
    expect(decided.items.map(shown)).toEqual(['e1/r 1 retrying', 'e1/r 1 done'])
    await worker.stop()
  })
})
