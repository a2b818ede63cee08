import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createFire } from '../../src/bus/fire.ts'
import { runReturn, wheelReturn } from '../../src/protocol/catalogue/functions.ts'
import { serviceOrigin } from '../../src/protocol/origin.ts'
import type { ReactionPolicy } from '../../src/protocol/reaction.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { createGate } from '../helpers/wait.ts'
import { action, type Behaviour, openReactions, reaction } from './reactions.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

/** Time that passes by sleeping, at once. */
function leapingClock() {
  let slept = 0
  return {
    now: () => Date.now() + slept,
    async sleep(ms: number, signal?: AbortSignal) {
      signal?.throwIfAborted()
      slept += ms
      await new Promise(resolve => setImmediate(resolve))
    },
  }
}

/** Found started before, by a worker that is gone. */
const begun: Behaviour = async ({ asked }) =>
  asked.work!.key.endsWith('/1') ? { failure: 'it was started before', code: 'outcome_unknown', begun: true } : {}

async function open() {
  const opened = await openReactions(server)
  const run = async (kind: 'runner' | 'wheel', policy: ReactionPolicy = {}, behave = begun) => {
    const worker = await opened.start(behave, { clock: leapingClock() })
    await opened.store(reaction('e1', [action(kind, 'a.a')], 'r', { policy }))
    await opened.drained()
    await worker.stop()
    return opened.decided.items
  }
  return { ...opened, run }
}

const UNKNOWN = 'a.a: outcome unknown: it was started before'

const BEGUN = { jid: 'jid of a.a', fun: 'runner.a.a', fun_args: [], user: 'rule:r' }

describe('an action that was started before', () => {
  it('is done where its return says so, and failed where that says so', async () => {
    for (const [kind, returned, origin] of [
      ['runner', runReturn, '_jobs'],
      ['wheel', wheelReturn, '_master'],
    ] as const) {
      for (const success of [true, false]) {
        const { run, publisher, subjects } = await open()
        const fire = createFire(publisher, subjects, serviceOrigin(origin))
        await fire(...returned.of(BEGUN, { ...BEGUN, return: 'no disk', success }))
        const [decision] = await run(kind)
        if (success) expect(decision).toMatchObject({ state: 'done', jids: ['jid of a.a'] })
        else expect(decision).toMatchObject({ state: 'parked', reason: `${kind}.a.a: no disk` })
      }
    }
  })

  it('is parked as unknown where it never returned', async () => {
    const { run, parked } = await open()
    expect(await run('runner', { attempts: 5 })).toMatchObject([{ state: 'parked', reason: `runner.${UNKNOWN}` }])
    expect(await parked()).toHaveLength(1)
  })

  it('is parked as unknown where its return says that it does not know itself', async () => {
    const { run, fire } = await open()
    await fire(...runReturn.of(BEGUN, { ...BEGUN, return: 'lost', success: false, outcome_unknown: true }))
    expect(await run('runner')).toMatchObject([{ state: 'parked', reason: `runner.${UNKNOWN}` }])
  })

  it('is tried once more where its rule says so, though the rule has one attempt', async () => {
    const { run } = await open()
    const decisions = await run('runner', { on_unknown: 'retry', backoff: [10, 10] })
    expect(decisions.map(({ state, attempt = 1 }) => `${attempt} ${state}`)).toEqual(['1 retrying', '2 done'])
  })

  it('is parked where it is unknown again and again', async () => {
    const { run } = await open()
    const decisions = await run('runner', { on_unknown: 'retry', backoff: [10, 10] }, async () => ({
      failure: 'it was started before',
      code: 'outcome_unknown',
      begun: true,
    }))
    expect(decisions.map(({ state, attempt = 1 }) => `${attempt} ${state}`)).toEqual(['1 retrying', '2 parked'])
  })

  it('is dropped where its rule says so', async () => {
    const { run, parked } = await open()
    expect(await run('runner', { on_unknown: 'drop' })).toMatchObject([
      { state: 'dropped', reason: `runner.${UNKNOWN}` },
    ])
    expect(await parked()).toEqual([])
  })

  it('is left to the worker that has it where that one ends it meanwhile', async () => {
    const { start, store, ran, publisher, subjects, decided, drained, parked } = await open()
    const worker = await start(begun)
    await store(reaction('e1', [action('runner', 'a.a')]))
    await ran.reach(1)
    const entry = { key: 'e1/r', rule: 'r', event: 'e1', tag: 't', state: 'done', ms: 1, jids: [] }
    await publisher.publish(subjects.done('another'), JSON.stringify({ worker: 'another', decisions: [entry] }))
    await drained()
    expect(decided.items).toHaveLength(1)
    expect(await parked()).toEqual([])
    await worker.stop()
  })
})

describe('an action that another worker still runs', () => {
  it('is left to that one, however long it takes', async () => {
    const { start, store, ran, decided, drained, parked } = await openReactions(server)
    const gate = createGate()
    const marks = new Set<string>()
    const begins: Behaviour = async ({ asked }) => {
      if (marks.has(asked.work!.key)) return { failure: 'it was started before', code: 'outcome_unknown', begun: true }
      marks.add(asked.work!.key)
      await gate.passed
      return {}
    }
    const first = await start(begins)
    const one = reaction('e1', [action('runner', 'a.a')], 'r', { policy: { on_unknown: 'retry', backoff: [10, 10] } })
    await store(one)
    await ran.reach(1)
    const slept: number[] = []
    const clock = leapingClock()
    const sleep = (ms: number, signal?: AbortSignal) => {
      slept.push(ms)
      return clock.sleep(ms, signal)
    }
    const second = await start(begins, { clock: { ...clock, sleep } })
    // Handed over again by a reactor that died: which worker gets it is a matter of luck.
    for (let n = 0; ran.items.length < 2; n++) await store(one, `again ${n}`)
    await second.stop()
    expect(slept).toEqual([])
    expect(decided.items).toEqual([])
    gate.open()
    await drained()
    expect(decided.items.map(({ state, attempt = 1 }) => `${attempt} ${state}`)).toEqual(['1 done'])
    expect(await parked()).toEqual([])
    await first.stop()
  })
})

describe('an action that says itself that its outcome is not known', () => {
  it('is parked at once', async () => {
    const { run } = await open()
    const decisions = await run('runner', { attempts: 3 }, async () => ({
      failure: 'cut off',
      code: 'outcome_unknown',
    }))
    expect(decisions).toMatchObject([{ state: 'parked', reason: 'runner.a.a: outcome unknown: cut off' }])
  })
})
