import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { followJob } from '../../src/call/follow.ts'
import type { Standing } from '../../src/call/standing.ts'
import { serviceOrigin } from '../../src/protocol/origin.ts'
import { startRestartableServer } from '../helpers/restartable.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { createSeen, within } from '../helpers/wait.ts'
import { cachedJob, newJid, startSystem } from './system.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

async function start(minions: string[], more: Parameters<typeof cachedJob>[2] = {}, on: { url: string } = server) {
  const system = await startSystem(on, () => ({}))
  const jid = newJid()
  const view = cachedJob(jid, minions, more)
  system.cached.set(jid, view)
  const states = createSeen<Record<string, string>>()
  const stop = new AbortController()
  const now = () => Date.now()
  const follow = (onChange: (standing: Standing) => void = () => undefined) =>
    followJob(
      system.bus,
      view,
      standing => {
        onChange(standing)
        states.push(Object.fromEntries(minions.map(id => [id, standing.stateOf(id, now())])))
      },
      { signal: stop.signal },
    )
  return { ...system, jid, view, states, stop, now, follow }
}

describe('following a job', () => {
  it('tells of its states as they change, and ends when all are closed', async () => {
    const {
      jid,
      follow,
      states,
      giveReturn,
      start: begin,
      fireAs,
    } = await start(['a', 'b', 'c'], {
      states: { a: 'running', b: 'accepted', c: 'offline' },
    })
    const ended = follow()
    await states.reach(1)
    expect(states.items[0]).toEqual({ a: 'running', b: 'accepted', c: 'offline' })
    await begin(jid, 'b')
    await states.find(({ b }) => b === 'running', 'the start')
    await fireAs(serviceOrigin('_jobs'), `salt/job/${jid}/sent`, {
      jid,
      offline: [],
      refused: { c: 'no' },
      waiting: [],
    })
    await states.find(({ c }) => c === 'failed', 'the refusal')
    await giveReturn(jid, 'a')
    await giveReturn(jid, 'b', { success: false })
    await within(ended, 'the end')
    expect(states.items.at(-1)).toEqual({ a: 'returned', b: 'failed', c: 'failed' })
  })

  it('ends at once where all is over', async () => {
    const returned = { return: 1, retcode: 0, success: true, at: 1 }
    const { follow, states } = await start(['a', 'b'], {
      deadline: 1,
      states: { a: 'returned', b: 'offline' },
      returns: { a: returned },
    })
    await within(follow(), 'the end')
    expect(states.items[0]).toEqual({ a: 'returned', b: 'offline' })
  })

  it('waits for one that is away until it may no longer begin', async () => {
    const { follow, states } = await start(['a'], { deadline: Date.now() + 300, states: { a: 'offline' } })
    await within(follow(), 'the end')
    expect(states.items.at(-1)).toEqual({ a: 'offline' })
  })

  it('takes from the cache what came before it listened', async () => {
    const { jid, view, cached, follow, states } = await start(['a'])
    cached.set(jid, {
      ...view,
      returns: { a: { return: 1, retcode: 0, success: true, at: 1 } },
      states: { a: 'returned' },
    })
    await within(follow(), 'the end')
    expect(states.items[0]).toEqual({ a: 'running' })
    expect(states.items.at(-1)).toEqual({ a: 'returned' })
  })

  it('looks again when a runner function tells of its end', async () => {
    const { jid, view, cached, follow, states, fireAs, asked } = await start(['_jobs'], { kind: 'runner' })
    const ended = follow()
    await asked.reach(1)
    await states.reach(2)
    cached.set(jid, { ...view, returns: { _jobs: { return: 1, retcode: 0, success: true, at: 1 } } })
    await fireAs(serviceOrigin('_jobs'), `salt/run/${jid}/ret`, { jid, success: true })
    await within(ended, 'the end')
    expect(states.items.at(-1)).toEqual({ _jobs: 'returned' })
  })

  it('tells of those who are lost, and goes on until they have ended', async () => {
    const { jid, follow, states, now, tellPresence, giveReturn } = await start(['a', 'b'])
    const gone = createSeen<string>()
    const ended = follow(standing => gone.push([...standing.gone].join()))
    await states.reach(1)
    await tellPresence({ lost: ['a', 'b', 'elsewhere'] })
    await gone.find(ids => ids === 'a,b', 'the loss')
    await tellPresence({ new: ['b'] })
    await gone.find(ids => ids === 'a', 'that b is back')
    await giveReturn(jid, 'b')
    await states.find(({ b }) => b === 'returned', 'the return of b')
    await giveReturn(jid, 'a')
    expect((await within(ended, 'the end')).counts(now())).toEqual({ returned: 2 })
  })

  it('ends when it is told to', async () => {
    const { follow, states, stop } = await start(['a'])
    const ended = follow()
    await states.reach(1)
    stop.abort()
    expect((await within(ended, 'the end')).hasEnded('a')).toBe(false)
  })

  it('goes on over a lost link', async () => {
    const restartable = await startRestartableServer()
    onTestFinished(() => restartable.remove())
    const { jid, view, cached, follow, states } = await start(['a'], {}, restartable)
    const ended = follow()
    await states.reach(2)
    await restartable.end('SIGKILL')
    cached.set(jid, { ...view, returns: { a: { return: 1, retcode: 0, success: true, at: 1 } } })
    await restartable.start()
    await within(ended, 'the end')
    expect(states.items.at(-1)).toEqual({ a: 'returned' })
  })
})
