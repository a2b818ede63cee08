import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ReactorError } from '../../src/base/errors.ts'
import { createFire } from '../../src/bus/fire.ts'
import { callMinions } from '../../src/call/collect.ts'
import type { Published } from '../../src/jobs/publish.ts'
import { createJidSource } from '../../src/protocol/jid.ts'
import type { JobReturn, PublishMessage } from '../../src/protocol/job.ts'
import { minionOrigin, userOrigin } from '../../src/protocol/origin.ts'
import { servePublish } from '../../src/services/publish.ts'
import { keptLog, openCore } from '../helpers/core.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { createGate, createSeen, within } from '../helpers/wait.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const newJid = createJidSource()

/** A system that answers a publish with `published`, after `before` has been done. */
async function start(published: Partial<Published>, before: (jid: string) => Promise<unknown> = async () => undefined) {
  const { nc, ns, subjects, publisher } = await openCore(server)
  const requests = createSeen<PublishMessage>()
  await servePublish({
    nc,
    subjects,
    operators: {},
    version: '1.0.0',
    log: keptLog().log,
    publishJob: async request => {
      requests.push(request)
      await before(request.jid!)
      if (request.tgt === 'nobody') throw new ReactorError('no_minions', 'no minions matched')
      return { jid: request.jid!, minions: [], offline: [], refused: {}, missing: [], ...published }
    },
  })
  await nc.flush()
  const giveReturn = (jid: string, id: string, origin = minionOrigin(id), claimed = id) =>
    createFire(
      publisher,
      subjects,
      origin,
    )(`salt/job/${jid}/ret/${claimed}`, { jid, return: `of ${id}`, success: true })
  const jid = newJid()
  const stop = new AbortController()
  const returns = createSeen<JobReturn>()
  const call = (tgt = '*', timeoutMs = 5000) =>
    callMinions(
      { nc, subjects, close: async () => undefined },
      jid,
      { tgt, fun: 'test.ping' },
      { onReturn: returned => returns.push(returned) },
      { user: 'root', timeoutMs, signal: stop.signal },
    )
  return { call, jid, giveReturn, returns, requests, stop, ns }
}

describe('a call', () => {
  it('ends when every minion that took the job has returned', async () => {
    const { call, jid, giveReturn, returns, requests } = await start({ minions: ['a', 'b', 'c'], offline: ['c'] })
    const ended = call()
    await requests.reach(1)
    expect(requests.items[0]).toEqual({ tgt: '*', fun: 'test.ping', jid })
    await giveReturn(jid, 'b')
    await giveReturn(jid, 'a')
    expect(await within(ended, 'the end')).toMatchObject({ silent: [], published: { offline: ['c'] } })
    expect(returns.items.map(one => one.return)).toEqual(['of b', 'of a'])
  })

  it('hears a return that is there before the answer to the publish', async () => {
    const early = createGate()
    const started = await start({ minions: ['a'] }, async jid => {
      await started.giveReturn(jid, 'a')
      early.open()
    })
    const end = await within(started.call(), 'the end')
    await early.passed
    expect(end.silent).toEqual([])
    expect(started.returns.items).toHaveLength(1)
  })

  it('counts a return once, and none that another gives', async () => {
    const { call, jid, giveReturn, returns, requests } = await start({ minions: ['a', 'b'] })
    const ended = call()
    await requests.reach(1)
    await giveReturn(jid, 'evil', minionOrigin('evil'), 'b')
    await giveReturn(jid, 'b', userOrigin('evil') as never)
    await giveReturn(jid, 'a')
    await giveReturn(jid, 'a')
    await giveReturn(newJid(), 'b')
    await giveReturn(jid, 'b')
    await within(ended, 'the end')
    expect(returns.items.map(one => one.return)).toEqual(['of a', 'of b'])
  })

  it('ends at once where nobody took the job', async () => {
    const { call } = await start({ minions: ['a', 'b'], offline: ['a'], refused: { b: 'too busy' } })
    expect((await within(call(), 'the end')).silent).toEqual([])
  })

  it('tells who is silent when its time is up, or when it is told to end', async () => {
    const late = await start({ minions: ['b', 'a'] })
    expect((await within(late.call('*', 1), 'the end')).silent).toEqual(['a', 'b'])
    const stopped = await start({ minions: ['a'] })
    const ended = stopped.call('*', 60_000)
    await stopped.requests.reach(1)
    stopped.stop.abort()
    expect((await within(ended, 'the end')).silent).toEqual(['a'])
  })

  it('fails with the refusal of the publish', async () => {
    const { call } = await start({})
    await expect(call('nobody')).rejects.toMatchObject({ code: 'no_minions', message: 'no minions matched' })
  })
})
