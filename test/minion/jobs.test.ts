import { join } from 'node:path'
import { connect, type NatsConnection, type SubscriptionOptions } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { execution } from '../../src/functions/define.ts'
import { loadFunctions } from '../../src/functions/load.ts'
import type { Registry } from '../../src/functions/registry.ts'
import { openJidLedger } from '../../src/minion/jid-ledger.ts'
import { startMinionJobs } from '../../src/minion/jobs.ts'
import { createJidSource } from '../../src/protocol/jid.ts'
import type { JobAnswer, JobMessage, JobReturn } from '../../src/protocol/job.ts'
import { createSubjects } from '../../src/protocol/subject.ts'
import { keptLog } from '../helpers/core.ts'
import { testFolder } from '../helpers/folder.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { createGate, createSeen } from '../helpers/wait.ts'

const NOW = Date.UTC(2026, 10, 20, 9, 18, 20)
const newJid = createJidSource()
const shipped = await loadFunctions('execution')
let server: TestServer
let nc: NatsConnection
let minions = 0

beforeAll(async () => {
  server = await startTestServer()
  nc = await connect({ servers: server.url })
})

afterAll(async () => {
  await nc?.close()
  await server?.stop()
})

/** A minion with the shipped functions, `gate.wait`, which runs until the gate opens, and `gate.large`. */
async function startMinion(
  options: { isolation?: 'accounts' | 'none'; concurrency?: number; nc?: NatsConnection } = {},
) {
  const link = options.nc ?? nc
  const subjects = createSubjects(`m${minions++}`)
  const gate = createGate()
  const clock = { now: NOW }
  const started = createSeen<string>()
  const returns = createSeen<{ tag: string; data: JobReturn; keep: boolean | undefined; hops: number | undefined }>()
  const wait = execution({
    doc: 'x',
    run: async (_args, { jid }) => {
      started.push(jid)
      await gate.passed
      return jid
    },
  })
  const large = execution({ doc: 'x', args: { size: z.number() }, run: ({ size }) => 'x'.repeat(size) })
  const own: Record<string, unknown> = { 'gate.wait': wait, 'gate.large': large }
  const registry = { ...shipped, get: (name: string) => own[name] ?? shipped.get(name) } as Registry<'execution'>
  const ledger = await openJidLedger(join(await testFolder(), 'jids'))
  const taking: { hold?: Promise<void> } = {}
  const writing = createSeen<string>()
  const { log, lines } = keptLog()
  const running = startMinionJobs({
    nc: link,
    subjects,
    id: 'm1',
    isolation: options.isolation ?? 'none',
    registry,
    ledger: {
      ...ledger,
      async take(jid) {
        writing.push(jid)
        await taking.hold
        return ledger.take(jid)
      },
    },
    spool: {
      fire: async (tag, data, { keep, hops } = {}) =>
        returns.push({ tag, data: data as unknown as JobReturn, keep, hops }),
      settle: async () => undefined,
    },
    grains: {},
    profiles: { smtp: {}, http: {} },
    moduleConfig: {},
    concurrency: options.concurrency ?? 5,
    now: () => clock.now,
    log,
  })
  onTestFinished(async () => {
    gate.open()
    await running.stop()
    await ledger.close()
  })
  await link.flush()
  const ask = async (job: unknown) =>
    (await nc.request(subjects.job('m1'), JSON.stringify(job), { timeout: 5000 })).json<JobAnswer>()
  return { ask, gate, started, returns, running, subjects, clock, taking, writing, lines }
}

const job = (fun: string, more: Partial<JobMessage> = {}): JobMessage => ({
  jid: newJid(),
  fun,
  arg: [],
  kwarg: {},
  user: 'root',
  deadline: NOW + 1000,
  tgt: '*',
  tgt_type: 'glob',
  key: 'k',
  hops: 2,
  ...more,
})

describe('a job on the minion', () => {
  it('is accepted at once, runs, and its return must arrive', async () => {
    const { ask, returns } = await startMinion()
    const sent = job('test.echo', { arg: ['hello'] })
    expect(await ask(sent)).toEqual({ accepted: true })
    const [returned] = await returns.reach(1)
    expect(returned).toEqual({
      tag: `salt/job/${sent.jid}/ret/m1`,
      keep: true,
      hops: 3,
      data: {
        id: 'm1',
        jid: sent.jid,
        fun: 'test.echo',
        fun_args: ['hello'],
        return: 'hello',
        retcode: 0,
        success: true,
        cmd: '_return',
      },
    })
  })

  it('runs once, however often and however fast its jid comes', async () => {
    const { ask, started, returns, gate } = await startMinion()
    const sent = job('gate.wait')
    const answers = await Promise.all([ask(sent), ask(sent), ask(sent)])
    expect(answers).toEqual([{ accepted: true }, { accepted: true }, { accepted: true }])
    gate.open()
    await returns.reach(1)
    await ask(sent)
    const last = job('test.ping')
    await ask(last)
    await returns.find(one => one.data.jid === last.jid, 'the last return')
    expect(started.items).toEqual([sent.jid])
    expect(returns.items).toHaveLength(2)
  })

  it('waits while as many as allowed run', async () => {
    const { ask, started, returns, gate } = await startMinion({ concurrency: 2 })
    const jobs = [1, 2, 3, 4].map(() => job('gate.wait'))
    for (const one of jobs) expect(await ask(one)).toEqual({ accepted: true })
    expect(started.items).toEqual(jobs.slice(0, 2).map(({ jid }) => jid))
    gate.open()
    await returns.reach(4)
    expect(started.items).toEqual(jobs.map(({ jid }) => jid))
  })

  it('does not start when its deadline passed while it waited, and says so in its return', async () => {
    const { ask, started, returns, gate, clock } = await startMinion({ concurrency: 1 })
    const [first, late] = [job('gate.wait'), job('gate.wait')]
    await ask(first)
    await ask(late)
    clock.now = late.deadline + 1
    gate.open()
    const { data } = await returns.find(one => one.data.jid === late.jid, 'the return of the late one')
    expect(data).toMatchObject({
      success: false,
      retcode: 1,
      return: expect.stringContaining('the deadline of the job passed'),
    })
    expect(started.items).toEqual([first.jid])
  })

  it('has a return when the minion stops before it was started', async () => {
    const { ask, returns, gate, running } = await startMinion({ concurrency: 1 })
    const [first, second] = [job('gate.wait'), job('gate.wait')]
    await ask(first)
    await ask(second)
    const stopped = running.stop()
    const { data } = await returns.find(one => one.data.jid === second.jid, 'the return of the second')
    expect(data).toMatchObject({
      success: false,
      retcode: 1,
      return: expect.stringContaining('before the job was started'),
    })
    gate.open()
    await stopped
    expect(returns.items.map(one => one.data.jid).sort()).toEqual([first.jid, second.jid])
  })

  it('has a return where the minion stops while it is written into the ledger', async () => {
    const { ask, returns, gate, running, taking, writing } = await startMinion()
    const jobs = Array.from({ length: 20 }, () => job('test.ping'))
    taking.hold = gate.passed
    const answers = jobs.map(ask)
    await writing.reach(20)
    const stopped = running.stop()
    gate.open()
    await stopped
    expect(await Promise.all(answers)).toEqual(jobs.map(() => ({ accepted: true })))
    expect(returns.items.map(one => one.data.jid).sort()).toEqual(jobs.map(({ jid }) => jid).sort())
    expect(returns.items[0]!.data).toMatchObject({ success: false, return: expect.stringContaining('was stopped') })
  })

  it('runs where its answer cannot be sent', async () => {
    const mute = Object.assign(Object.create(nc), {
      subscribe: (subject: string, options: SubscriptionOptions) =>
        nc.subscribe(subject, {
          ...options,
          callback: (error, message) => options.callback!(error, Object.assign(Object.create(message), { respond })),
        }),
    }) as NatsConnection
    const respond = () => {
      throw new Error('draining')
    }
    const { returns, subjects, lines } = await startMinion({ nc: mute })
    const sent = job('test.ping')
    nc.publish(subjects.job('m1'), JSON.stringify(sent), { reply: 'nowhere' })
    expect((await returns.reach(1))[0]!.data).toMatchObject({ jid: sent.jid, success: true })
    await lines.find(({ error }) => error === 'draining', 'the word of it')
  })

  it('is accepted when it comes again after its deadline, since it has run', async () => {
    const { ask, returns, clock } = await startMinion()
    const sent = job('test.ping')
    await ask(sent)
    await returns.reach(1)
    clock.now = sent.deadline + 1
    expect(await ask(sent)).toEqual({ accepted: true })
  })

  it('returns 254 and the nearest name where the function is unknown', async () => {
    const { ask, returns } = await startMinion()
    await ask(job('test.pong'))
    const [{ data } = { data: undefined }] = await returns.reach(1)
    expect(data).toMatchObject({
      retcode: 254,
      success: false,
      return: "'test.pong' is not available. Did you mean 'test.ping'?",
    })
  })

  it.each([
    ['fails', 'test.fail', ['no disk'], 'no disk'],
    ['gets wrong arguments', 'test.echo', [], "test.echo needs the argument 'text' (string)"],
  ])('returns 1 where the function %s', async (_what, fun, arg, message) => {
    const { ask, returns } = await startMinion()
    await ask(job(fun, { arg }))
    const [one] = await returns.reach(1)
    expect(one!.data).toMatchObject({ retcode: 1, success: false, return: message })
  })

  it('is answered by its size where no message can hold the return', async () => {
    const { ask, returns } = await startMinion()
    const limit = nc.info!.max_payload
    await ask(job('gate.large', { arg: [limit] }))
    await ask(job('gate.large', { arg: [limit - 8192] }))
    await returns.reach(2)
    const [large, fits] = returns.items.map(one => one.data).sort((a, b) => (a.jid < b.jid ? -1 : 1))
    expect(large).toMatchObject({
      retcode: 1,
      success: false,
      return: expect.stringMatching(/^the return has \d+ bytes, more than a message may have/),
    })
    expect(fits).toMatchObject({ retcode: 0, success: true })
  })

  it('shows no secret of its arguments in the return', async () => {
    const { ask, returns } = await startMinion()
    await ask(job('test.arg', { kwarg: { password: 'hunter2', user: 'x' } }))
    const [one] = await returns.reach(1)
    expect(JSON.stringify(one!.data.fun_args)).not.toContain('hunter2')
    expect(one!.data.fun_args).toEqual([{ __kwarg__: true, password: '[redacted]', user: 'x' }])
  })
})

describe('a job that is refused', () => {
  it.each([
    ['its deadline has passed', job('test.ping', { deadline: NOW - 1 }), /its deadline has passed/],
    ['it has no jid', { ...job('test.ping'), jid: '1' }, /it is no job/],
    ['it has no function', { ...job('test.ping'), fun: undefined }, /it is no job/],
    ['it has no arguments', { ...job('test.ping'), arg: 'x' }, /it is no job/],
    ['it has no named arguments', { ...job('test.ping'), kwarg: undefined }, /it is no job/],
    ['it has no deadline', { ...job('test.ping'), deadline: undefined }, /it is no job/],
    ['it is null', null, /it is no job/],
  ])('because %s leaves no return', async (_what, sent, reason) => {
    const { ask, returns } = await startMinion()
    expect(await ask(sent)).toEqual({ accepted: false, reason: expect.stringMatching(reason) })
    const good = job('test.ping')
    await ask(good)
    await returns.reach(1)
    expect(returns.items.map(one => one.data.jid)).toEqual([good.jid])
  })

  it('because it is no JSON is told so', async () => {
    const { subjects } = await startMinion()
    const answer = (await nc.request(subjects.job('m1'), '{"jid":')).json<JobAnswer>()
    expect(answer).toEqual({ accepted: false, reason: expect.stringContaining('JSON') })
  })

  it('because the server does not attest it leaves its jid free', async () => {
    const { ask, returns } = await startMinion({ isolation: 'accounts' })
    expect(await ask(job('test.ping'))).toEqual({ accepted: false, reason: expect.stringContaining('does not attest') })
    expect(returns.items).toEqual([])
  })
})
