import { getEventListeners } from 'node:events'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { Clock } from '../../src/base/clock.ts'
import { ReactorError } from '../../src/base/errors.ts'
import { callMinions } from '../../src/call/collect.ts'
import type { JobReturn } from '../../src/protocol/job.ts'
import { minionOrigin, serviceOrigin, userOrigin } from '../../src/protocol/origin.ts'
import { startRestartableServer } from '../helpers/restartable.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { createGate, createSeen, within } from '../helpers/wait.ts'
import { type Answer, cachedJob, newJid, startSystem } from './system.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

async function start(answer: Answer, clock?: Clock) {
  const system = await startSystem(server, answer)
  const jid = newJid()
  const stop = new AbortController()
  const returns = createSeen<JobReturn>()
  const call = (timeoutMs = 5000) =>
    callMinions(
      system.bus,
      jid,
      { tgt: '*', fun: 'test.ping' },
      { onReturn: returned => returns.push(returned) },
      { user: 'root', timeoutMs, signal: stop.signal, ...(clock ? { clock } : {}) },
    )
  return { ...system, call, jid, returns, stop }
}

const values = (returns: { items: JobReturn[] }) => returns.items.map(one => one.return)
describe('a call', () => {
  it('leaves no listener on the signal that ends it early', async () => {
    const { call, jid, stop, giveReturn } = await start(() => ({ minions: ['a'] }))
    const ending = call()
    await giveReturn(jid, 'a')
    await ending
    expect(getEventListeners(stop.signal, 'abort')).toEqual([])
  })

  it('ends when every minion that took the job has returned', async () => {
    const { call, jid, giveReturn, returns, requests } = await start(() => ({
      minions: ['a', 'b', 'c'],
      offline: ['c'],
    }))
    const ended = call()
    await requests.reach(1)
    expect(requests.items[0]).toEqual({ tgt: '*', fun: 'test.ping', jid })
    await giveReturn(jid, 'b')
    await giveReturn(jid, 'a')
    const { published, standing } = await within(ended, 'the end')
    expect(published?.offline).toEqual(['c'])
    expect(standing.open(Date.now())).toEqual([])
    expect(values(returns)).toEqual(['of b', 'of a'])
  })

  it('ends without those whom the master tells as lost, and waits for those who come back', async () => {
    const system = await start(() => ({ minions: ['a', 'b'] }))
    const { call, jid, giveReturn, returns, requests, tellPresence } = system
    const ended = call(60_000)
    await requests.reach(1)
    await tellPresence({ lost: ['a', 'b', 'elsewhere'] }, minionOrigin('b'))
    await tellPresence({ lost: ['a'] })
    await tellPresence({ lost: ['b'] })
    const { standing } = await within(ended, 'the end')
    expect([standing.open(Date.now()), standing.isLost('a')]).toEqual([['a', 'b'], true])
    expect(returns.items).toEqual([])

    const again = call(60_000)
    await requests.reach(2)
    await tellPresence({ lost: ['a'] })
    await tellPresence({ new: ['a'] })
    await tellPresence({ lost: ['b'] })
    await giveReturn(jid, 'a')
    expect((await within(again, 'the end')).standing.open(Date.now())).toEqual(['b'])
    expect(values(returns)).toEqual(['of a'])
  })

  it('gives a return before the answer to the publish, once it is known whom the job is for', async () => {
    const early = createGate()
    const system = await start(async ({ jid }) => {
      await system.announce(jid!, ['a', 'b'])
      await system.giveReturn(jid!, 'a')
      await early.passed
      return { minions: ['a', 'b'], offline: ['b'] }
    })
    const ended = system.call()
    await system.returns.reach(1)
    early.open()
    await within(ended, 'the end')
    expect(values(system.returns)).toEqual(['of a'])
  })

  it('keeps a return that comes before anything else is known', async () => {
    const system = await start(async ({ jid }) => {
      await system.giveReturn(jid!, 'a')
      await system.giveReturn(jid!, 'stranger')
      return { minions: ['a'] }
    })
    await within(system.call(), 'the end')
    expect(values(system.returns)).toEqual(['of a'])
  })

  it('counts a return once, none that another gives, and none of a minion that the job is not for', async () => {
    const { call, jid, giveReturn, returns, requests, fireAs } = await start(() => ({ minions: ['a', 'b'] }))
    const ended = call()
    await requests.reach(1)
    await fireAs(minionOrigin('evil'), `salt/job/${jid}/ret/b`, { jid, return: 'forged', success: true })
    await giveReturn(jid, 'b', {}, userOrigin('evil'))
    await fireAs(userOrigin('evil'), `salt/job/${jid}/new`, { jid, minions: ['stranger'] })
    await giveReturn(jid, 'stranger')
    await giveReturn(jid, 'a')
    await giveReturn(jid, 'a')
    await giveReturn(newJid(), 'b')
    await giveReturn(jid, 'b')
    await within(ended, 'the end')
    expect(values(returns)).toEqual(['of a', 'of b'])
  })

  it('ends at once where nobody took the job', async () => {
    const { call } = await start(() => ({ minions: ['a', 'b'], offline: ['a'], refused: { b: 'too busy' } }))
    const { standing } = await within(call(), 'the end')
    expect(standing.counts(Date.now())).toEqual({ offline: 1, failed: 1 })
  })

  it('ends for a minion that died, or ended the job because its time was over', async () => {
    const { call, jid, giveReturn, requests } = await start(() => ({ minions: ['a', 'b'] }))
    const ended = call()
    await requests.reach(1)
    await giveReturn(jid, 'a', { outcome: 'died', success: false })
    await giveReturn(jid, 'b', { outcome: 'timed_out', success: false })
    expect((await within(ended, 'the end')).standing.counts(Date.now())).toEqual({ died: 1, timed_out: 1 })
  })

  it('leaves those open that are silent when its time is up, or when it is told to end', async () => {
    const late = await start(() => ({ minions: ['b', 'a'] }))
    expect((await within(late.call(1), 'the end')).standing.open(Date.now())).toEqual(['a', 'b'])
    const stopped = await start(() => ({ minions: ['a'] }))
    const ended = stopped.call(60_000)
    await stopped.requests.reach(1)
    stopped.stop.abort()
    expect((await within(ended, 'the end')).standing.hasEnded('a')).toBe(false)
  })

  it('ends when the times of the job are over, a little later than they are', async () => {
    let now = 1000
    const { call, requests } = await start(
      () => ({ minions: ['a', 'b'], waiting: ['b'], deadline: 2000, run_until: 3000 }),
      {
        now: () => now,
        async sleep(ms) {
          now += ms
        },
      },
    )
    const { standing } = await within(call(60_000), 'the end')
    expect(requests.items).toHaveLength(1)
    expect(now).toBeGreaterThan(3000)
    expect(now).toBeLessThan(10_000)
    expect(standing.counts(now)).toEqual({ timed_out: 2 })
  })

  it('does not wait for the answer of the publish once it is told to end', async () => {
    const never = createGate()
    const { call, stop, requests } = await start(async () => {
      await never.passed
      return {}
    })
    const ended = call()
    await requests.reach(1)
    stop.abort()
    expect((await within(ended, 'the end')).published).toBeUndefined()
    never.open()
  })

  it('fails with the refusal of the publish', async () => {
    const { call } = await start(() => {
      throw new ReactorError('no_minions', 'no minions matched')
    })
    await expect(call()).rejects.toMatchObject({ code: 'no_minions', message: 'no minions matched' })
  })
})

describe('what live events have not brought', () => {
  it('is asked of the job cache before a minion is called silent', async () => {
    const { call, jid, cached, returns } = await start(() => ({ minions: ['a', 'b'] }))
    cached.set(
      jid,
      cachedJob(jid, ['a', 'b'], { returns: { a: { return: 'kept', retcode: 0, success: true, at: 1 } } }),
    )
    const { standing } = await within(call(1), 'the end')
    expect(values(returns)).toEqual(['kept'])
    expect(returns.items[0]).toMatchObject({ id: 'a', jid, fun: 'test.ping' })
    expect(standing.open(Date.now())).toEqual(['b'])
  })
})

describe('a link that was lost while the job ran', () => {
  it('costs no return: the job cache has it', async () => {
    const restartable = await startRestartableServer()
    onTestFinished(() => restartable.remove())
    const { bus, requests, cached } = await startSystem(restartable, () => ({ minions: ['a'] }))
    const jid = newJid()
    const returns = createSeen<JobReturn>()
    const ended = callMinions(
      bus,
      jid,
      { tgt: '*', fun: 'test.ping' },
      { onReturn: returned => returns.push(returned) },
      { user: 'root', timeoutMs: 60_000, signal: new AbortController().signal },
    )
    await requests.reach(1)
    await bus.nc.flush()
    await restartable.end('SIGKILL')
    cached.set(jid, cachedJob(jid, ['a'], { returns: { a: { return: 'kept', retcode: 0, success: true, at: 1 } } }))
    await restartable.start()
    await within(ended, 'the end')
    expect(values(returns)).toEqual(['kept'])
  })
})

describe('a return larger than a message that cannot be fetched', () => {
  it('is told as such, and counts as failed', async () => {
    const { call, jid, giveReturn, requests, returns } = await start(() => ({ minions: ['a'] }))
    const ended = call()
    await requests.reach(1)
    const payload = { name: jid, parts: 1, size: 5_000_000, sha256: 'a'.repeat(64) }
    await giveReturn(jid, 'a', { return: null, payload })
    await within(ended, 'the end')
    expect(returns.items[0]).toMatchObject({
      success: false,
      return: expect.stringMatching(/^The return of 5000000 bytes could not be fetched: /),
    })
    expect(returns.items[0]).not.toHaveProperty('payload')
  })
})

describe('a minion that was waiting', () => {
  it('runs once it says so itself', async () => {
    const {
      bus,
      requests,
      start: begin,
      giveReturn,
      fireAs,
    } = await startSystem(server, () => ({
      minions: ['a'],
      waiting: ['a'],
    }))
    const jid = newJid()
    const states = createSeen<unknown>()
    const ended = callMinions(
      bus,
      jid,
      { tgt: '*', fun: 'test.ping' },
      { onReturn: () => undefined, onChange: standing => states.push(standing.counts(0)) },
      { user: 'root', timeoutMs: 60_000, signal: new AbortController().signal },
    )
    await requests.reach(1)
    await states.reach(1)
    await fireAs(serviceOrigin('_jobs'), `salt/job/${jid}/prog/a/start`, { jid })
    await begin(jid, 'a')
    await giveReturn(jid, 'a')
    await within(ended, 'the end')
    expect(states.items).toEqual([{ accepted: 1 }, { running: 1 }, { returned: 1 }])
  })
})
