import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createShares } from '../../src/jobs/reactions/shares.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { createGate } from '../helpers/wait.ts'
import { action, openReactions, reaction } from './reactions.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const open = () => openReactions(server)
const one = (id: string, rule: string, more = {}) => reaction(id, [action('runner', `${rule}.one`)], rule, more)

describe('the shares of lanes', () => {
  it('are bounded by messages and by bytes of each lane and class, and by bytes of all', () => {
    const shares = createShares({ messages: 3, classMessages: 100, laneBytes: 50, bytes: 100 })
    expect(shares.fits('a', 'fast', 999)).toBe('yes')
    shares.take('a', 'fast', 20)
    shares.take('a', 'fast', 20)
    expect(shares.fits('a', 'fast', 11)).toBe('lane')
    expect(shares.fits('a', 'fast', 10)).toBe('yes')
    shares.take('a', 'fast', 0)
    expect(shares.fits('a', 'fast', 1)).toBe('lane')
    expect(shares.fits('a', 'slow', 50)).toBe('yes')
    shares.take('a', 'slow', 35)
    // What is left is for lanes that hold nothing.
    expect(shares.fits('a', 'slow', 5)).toBe('all')
    expect(shares.fits('b', 'fast', 25)).toBe('yes')
    expect(shares.fits('b', 'fast', 26)).toBe('all')
    expect(shares.read()).toEqual([{ rule: 'a', fast: 3, slow: 1 }])
    for (const bytes of [20, 20, 0]) expect(shares.give('a', 'fast', bytes)).toBe(false)
    expect(shares.give('a', 'slow', 35)).toBe(true)
    expect(shares.bytes()).toBe(0)
    expect(shares.read()).toEqual([])
  })

  it('leave room to others, however many lanes hold all that they may', () => {
    const shares = createShares()
    const fill = (rule: string, most = Number.POSITIVE_INFINITY) => {
      let held = 0
      for (; held < most && shares.fits(rule, 'fast', 100) === 'yes'; held++) shares.take(rule, 'fast', 100)
      return held
    }
    const held = Array.from({ length: 10 }, (_, n) => fill(`slow${n}`))
    expect(held[0]).toBe(3000)
    expect(held).toEqual([...held].sort((a, b) => b - a))
    expect(held.at(-1)).toBeGreaterThan(300)
    expect(fill('quick', 200)).toBe(200)
    // The other class has a consumer of its own.
    expect(shares.fits('slow0', 'slow', 100)).toBe('yes')
    for (let n = 0; n < 5000; n++) fill(`another${n}`, 1)
    expect(shares.fits('one more', 'fast', 100)).toBe('yes')
  })

  it('count a message of many rules as one', () => {
    const shares = createShares({ messages: 9, classMessages: 2, laneBytes: 99, bytes: 99 })
    for (const rule of ['a', 'b', 'c', 'd']) shares.take(rule, 'fast', 1, 1 / 4)
    expect(shares.fits('e', 'fast', 1)).toBe('yes')
    shares.take('e', 'fast', 1)
    expect(shares.fits('f', 'fast', 1)).toBe('all')
    for (const rule of ['a', 'b', 'c', 'd']) shares.give(rule, 'fast', 1, 1 / 4)
    expect(shares.fits('f', 'fast', 1)).toBe('yes')
  })

  it('say when about half of a lane will have ended, at the pace that it had', () => {
    const clock = { at: 0 }
    const shares = createShares({ messages: 99, classMessages: 999, laneBytes: 99, bytes: 99 }, () => clock.at)
    expect(shares.roomWithin('a', 'fast')).toBeUndefined()
    for (let n = 0; n < 12; n++) shares.take('a', 'fast', 1)
    clock.at = 100
    expect(shares.roomWithin('a', 'fast')).toBeUndefined()
    shares.give('a', 'fast', 1)
    shares.give('a', 'fast', 1)
    expect(shares.roomWithin('a', 'fast')).toBe(250)
    expect(shares.roomWithin('a', 'slow')).toBeUndefined()
  })
})

describe('a lane that holds its share', () => {
  const limits = { messages: 3, classMessages: 1000, laneBytes: 1e6, bytes: 1e7 }

  it('has its surplus stored in the slow class, raises one alarm, and does all of it in the end, once', async () => {
    const { start, store, ran, drained, alarmed, jsm, ns, until } = await open()
    const gate = createGate()
    const worker = await start(
      async () => {
        await gate.passed
        return {}
      },
      { concurrency: 1, limits },
    )
    for (let n = 0; n < 12; n++) await store(one(`e${n}`, 'a'))
    const pending = async (lane: string) =>
      (await jsm.consumers.info(`${ns}_REACTIONS`, `${ns}_jobs_${lane}`)).num_ack_pending
    await until(
      async () => (await pending('fast')) === 3 && (await pending('slow')) === 9,
      'the surplus in the slow class',
    )
    expect(worker.stats().waiting).toEqual([{ rule: 'a', fast: 3, slow: 3 }])
    expect(alarmed.items).toEqual(['raise lane a'])
    gate.open()
    await drained()
    expect(new Set(ran.items.map(({ asked }) => asked.cause)).size).toBe(12)
    expect(ran.items).toHaveLength(12)
    await worker.stop()
  })

  it('does not hold up another rule', async () => {
    const { start, store, decided } = await open()
    const gate = createGate()
    const worker = await start(
      async ({ what }) => {
        if (what === 'runner.a.one') await gate.passed
        return {}
      },
      { concurrency: 1, limits },
    )
    for (let n = 0; n < 12; n++) await store(one(`e${n}`, 'a'))
    await store(one('e0', 'b'))
    expect((await decided.reach(1))[0]!.rule).toBe('b')
    gate.open()
    await worker.stop()
  })
})

describe('a rule', () => {
  it('has as many at once as its policy says', async () => {
    const { start, store, ran, handedOut, drained } = await open()
    const gate = createGate()
    const worker = await start(
      async () => {
        await gate.passed
        return {}
      },
      { concurrency: 8 },
    )
    for (let n = 0; n < 5; n++) await store(one(`e${n}`, 'a', { policy: { concurrency: 2 } }))
    await handedOut(5)
    await ran.reach(2)
    expect(worker.stats().running).toBe(2)
    expect(ran.items).toHaveLength(2)
    gate.open()
    await drained()
    await worker.stop()
  })

  it('that is marked slow is read from the slow class', async () => {
    const { start, store, decided, drained } = await open()
    const worker = await start()
    await store(one('e1', 'a'), 'e1/a', 'slow')
    expect((await decided.reach(1))[0]).toMatchObject({ key: 'e1/a', state: 'done' })
    await drained()
    await worker.stop()
  })
})
