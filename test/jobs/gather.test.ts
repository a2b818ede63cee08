import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createGather } from '../../src/jobs/gather.ts'
import { createAskPeers } from '../../src/jobs/peer.ts'
import { jobReturn } from '../../src/protocol/catalogue/jobs.ts'
import type { JobMessage, JobRecord } from '../../src/protocol/job.ts'
import { minionOrigin } from '../../src/protocol/origin.ts'
import { keptAudit, noAudit } from '../helpers/authority.ts'
import { fireAside, openCore } from '../helpers/core.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { within } from '../helpers/wait.ts'
import { openWorker, YES } from './worker.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

/** A fleet in which some minions take a job and return what `returns` gives; the others take it and say no more. */
async function start(fleet: string[], returns: Record<string, unknown>) {
  const core = await openCore(server)
  const { nc, subjects } = core
  const worker = await openWorker(core, Object.fromEntries(fleet.map(id => [id, undefined])))
  for (const id of Object.keys(returns)) {
    const fire = fireAside(core, minionOrigin(id))
    nc.subscribe(subjects.job(id), {
      callback(_error, message) {
        const { jid, fun } = message.json<JobMessage>()
        message.respond(JSON.stringify(YES))
        const base = { id, jid, fun, fun_args: [], retcode: 0, success: true, cmd: '_return' }
        if (returns[id] !== undefined) fire(`salt/job/${jid}/ret/${id}`, { ...base, return: returns[id] })
      },
    })
  }
  await nc.flush()
  return { ...core, ...worker, gather: createGather(core, worker.publish) }
}

const asked = { user: 'root' }

describe('gathering the returns of a job', () => {
  it('ends when every minion that took it has returned, and tells who is offline', async () => {
    const { gather } = await start(['a', 'b', 'c'], { a: true, b: [1] })
    const gathered = await within(gather({ tgt: '*', fun: 'test.ping' }, asked, { timeoutMs: 60_000 }), 'the end')
    expect(gathered).toMatchObject({ minions: ['a', 'b', 'c'], offline: ['c'], refused: {}, silent: [] })
    expect(gathered.returns).toMatchObject({ a: { return: true, jid: gathered.jid }, b: { return: [1] } })
  })

  it('takes no return of a minion that was not asked', async () => {
    const { gather, ...core } = await start(['a', 'b'], { a: true })
    const uninvited = fireAside(core, minionOrigin('b'))
    core.nc.subscribe(core.subjects.job('a'), {
      callback: (_error, message) => {
        const { jid } = message.json<JobMessage>()
        const base = { id: 'b', jid, fun: 'test.ping', fun_args: [], retcode: 0, success: true }
        uninvited(...jobReturn.of(base, { ...base, return: 'me too', cmd: '_return' }))
      },
    })
    await core.nc.flush()
    const { returns } = await gather({ tgt: 'a', fun: 'test.ping' }, asked, { timeoutMs: 60_000 })
    expect(Object.keys(returns)).toEqual(['a'])
  })

  it('tells who took it and did not return in time', async () => {
    const { gather } = await start(['a', 'b'], { a: undefined, b: undefined })
    const gathered = await gather({ tgt: '*', fun: 'test.ping' }, asked, { timeoutMs: 300 })
    expect(gathered).toMatchObject({ silent: ['a', 'b'], returns: {} })
  })

  it('gathers nothing where nobody matches, and throws what else is wrong', async () => {
    const { gather } = await start(['a'], {})
    expect(await gather({ tgt: 'x*', fun: 'test.ping' }, asked, { timeoutMs: 300 })).toMatchObject({ minions: [] })
    await expect(gather({ tgt: '', fun: 'test.ping' }, asked, { timeoutMs: 300 })).rejects.toMatchObject({
      code: 'bad_argument',
    })
  })

  it('ends early by its signal', async () => {
    const { gather, events, nc } = await start(['a', 'b'], { a: true, b: undefined })
    const ending = new AbortController()
    const gathering = gather({ tgt: '*', fun: 'test.ping' }, asked, { timeoutMs: 60_000, signal: ending.signal })
    await events.find(({ tag }) => tag.endsWith('/sent'), 'the job')
    await events.find(({ tag }) => tag.endsWith('/ret/a'), 'the return')
    await nc.flush()
    ending.abort()
    const gathered = await within(gathering, 'the end')
    expect(gathered).toMatchObject({ minions: ['a', 'b'], silent: ['b'], returns: { a: { return: true } } })
  })

  it('does not believe a return that another minion sends', async () => {
    const { gather, events, ...core } = await start(['a', 'b'], { a: undefined, b: true })
    const liar = fireAside(core, minionOrigin('b'))
    core.nc.subscribe(core.subjects.job('a'), {
      callback: (_error, message) => {
        const { jid } = message.json<JobMessage>()
        liar(`salt/job/${jid}/ret/a`, { id: 'a', jid, return: 'a lie' })
      },
    })
    await core.nc.flush()
    const ending = new AbortController()
    const gathering = gather({ tgt: '*', fun: 'test.ping' }, asked, { timeoutMs: 60_000, signal: ending.signal })
    for (const of of ['sent', 'ret/a', 'ret/b']) await events.find(({ tag }) => tag.endsWith(`/${of}`), of)
    await core.nc.flush()
    ending.abort()
    const gathered = await within(gathering, 'the end')
    expect(Object.keys(gathered.returns)).toEqual(['b'])
    expect(gathered.silent).toEqual(['a'])
  })
})

describe('a minion that asks for a job on others', () => {
  const body = { tgt: 'a', fun: 'test.ping', timeoutMs: 5000 }
  const noRecords = { find: async () => undefined }

  it('gets the returns where the config allows it', async () => {
    const { gather, got, events } = await start(['a'], { a: 'hi' })
    const ask = createAskPeers({ 'web.*': ['test\\..*'] }, gather, noAudit, noRecords)
    expect(await ask('web1', body)).toMatchObject({ returns: { a: { return: 'hi' } } })
    expect(got.items).toEqual([])
    const { data } = await events.find(({ tag }) => tag.endsWith('/new'), 'the job')
    expect(data.user).toBe('peer:web1')
  })

  it.each([
    ['nothing is allowed', {}],
    ['its id does not match', { 'db.*': ['.*'] }],
    ['the function does not match', { '.*': ['cmd'] }],
    ['the id matches in the middle only', { eb1: ['.*'] }],
  ])('is refused where %s', async (_what, rules) => {
    const { gather, events } = await start(['a'], { a: 'hi' })
    const { audit, records } = keptAudit()
    await expect(createAskPeers(rules, gather, audit, noRecords)('web1', body)).rejects.toMatchObject({
      code: 'forbidden',
      message: expect.stringContaining("minion 'web1' may not run 'test.ping' on others"),
    })
    expect(records.items).toMatchObject([
      { kind: 'publish', user: 'peer:web1', source: 'FLEET', action: 'test.ping', tgt: 'a', result: 'refused' },
    ])
    expect(events.items).toEqual([])
  })

  it('names returners where the config allows those too', async () => {
    const { gather, events } = await start(['a'], { a: 'hi' })
    const ask = createAskPeers({ web1: ['test.ping', 'returner.mysql'] }, gather, noAudit, noRecords)
    await expect(ask('web1', { ...body, ret: 'mysql,redis' })).rejects.toMatchObject({
      code: 'forbidden',
      message: expect.stringContaining("minion 'web1' may not run 'returner.redis' on others"),
    })
    await ask('web1', { ...body, ret: 'mysql' })
    const { data } = await events.find(({ tag }) => tag.endsWith('/new'), 'the job')
    expect(data.ret).toBe('mysql')
  })

  it.each([
    ['schedule.add', ['x'], { function: 'cmd.run', seconds: 5 }],
    ['mine.send', ['x'], { mine_function: 'cmd.run' }],
    ['mine.send', ['x', 'b', 'cmd.run'], { mine_function: 'saltutil.cmd' }],
  ])('needs leave for what a function runs besides: %s', async (fun, arg, kwarg) => {
    const { gather, events } = await start(['a'], { a: 'hi' })
    const may = ['schedule', 'mine', 'saltutil', 'test']
    const ask = createAskPeers({ web1: may }, gather, noAudit, noRecords)
    await expect(ask('web1', { ...body, fun, arg, kwarg })).rejects.toMatchObject({
      code: 'forbidden',
      message: expect.stringContaining("minion 'web1' may not run 'cmd.run' on others"),
    })
    expect(events.items).toEqual([])
    const others = createAskPeers({ web1: [...may, 'cmd'] }, gather, noAudit, noRecords)
    await others('web1', { ...body, fun, arg, kwarg })
  })

  it.each([null, [], { tgt: 'a', fun: 'test.ping' }, { tgt: 'a', timeoutMs: 5 }, { ...body, timeoutMs: 0 }])(
    'is refused with the body %j',
    async wrong => {
      const { gather } = await start(['a'], {})
      await expect(createAskPeers({ '.*': ['.*'] }, gather, noAudit, noRecords)('web1', wrong)).rejects.toMatchObject({
        code: 'bad_argument',
      })
    },
  )

  it('hands on the causes of its own job as the record has them, and none of a job that is not its own', async () => {
    const { gather, events } = await start(['a'], { a: true })
    const jid = '20260101000000000000'
    const record = { jid, minions: ['web1'], hops: 3, chain: 'first,second' } as JobRecord
    const find = async (wanted: string) => (wanted === jid ? record : undefined)
    const ask = createAskPeers({ '.*': ['.*'] }, gather, noAudit, { find })
    const announced = (of: string) => events.find(({ tag }) => tag === `salt/job/${of}/new`, 'the announcement')
    const own = await ask('web1', { ...body, cause: jid })
    expect(await announced(own.jid)).toMatchObject({ cause: jid, hops: 4, chain: 'first,second' })
    for (const [minion, cause] of [
      ['web2', jid],
      ['web1', '20260101000000000001'],
      ['web1', { no: 'jid' }],
    ] as const) {
      const { jid: other } = await ask(minion, { ...body, cause })
      const event = await announced(other)
      expect([event.cause, event.hops, event.chain]).toEqual([undefined, 1, undefined])
    }
  })

  it('cannot choose the jid or send what a publish does not know', async () => {
    const { gather } = await start(['a'], { a: true })
    const ask = createAskPeers({ '.*': ['.*'] }, gather, noAudit, noRecords)
    const { jid } = await ask('web1', { ...body, jid: '20260101000000000000' })
    expect(jid).not.toBe('20260101000000000000')
    await expect(ask('web1', { ...body, nonsense: 1 })).rejects.toMatchObject({ code: 'bad_argument' })
  })

  it('is held to regular expressions that can be read', () => {
    expect(() => createAskPeers({ '(': ['.*'] }, async () => Promise.reject(), noAudit, noRecords)).toThrow(
      "jobs.peer: '(' is no regular",
    )
  })
})
