import { jetstreamManager } from '@nats-io/jetstream'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { ReactorError } from '../../src/base/errors.ts'
import { runner } from '../../src/functions/define.ts'
import { failedReturn } from '../../src/functions/failed-return.ts'
import { createRegistry } from '../../src/functions/registry.ts'
import type { RunnerContext } from '../../src/functions/runner-context.ts'
import { openAnnounce } from '../../src/jobs/announce.ts'
import { openJobRecords } from '../../src/jobs/records.ts'
import { createFunctionJobs, type FunctionCall } from '../../src/jobs/run-function.ts'
import type { JobRecord } from '../../src/protocol/job.ts'
import { keptAudit } from '../helpers/authority.ts'
import { keptLog, openCore, storedIn } from '../helpers/core.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { createGate, within } from '../helpers/wait.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

async function start(runTimeoutMs = 60_000) {
  const core = await openCore(server)
  const ran: string[] = []
  const gate = createGate()
  const note = (fun: string, jid: string, value: unknown) => {
    ran.push(`${fun} ${jid}`)
    return value
  }
  const own = {
    'own.safe': runner({ doc: 'x', idempotent: true, run: (_args, { jid }) => note('safe', jid, 'safe') }),
    'own.sharp': runner({ doc: 'x', run: (_args, { jid }) => note('sharp', jid, 'sharp') }),
    'own.add': runner({ doc: 'x', args: { a: z.number(), b: z.number() }, run: ({ a, b }) => a + b }),
    'own.login': runner({ doc: 'x', args: { user: z.string(), password: z.string() }, run: () => true }),
    'own.makes': runner({ doc: 'x', secrets: ['priv'], run: () => ({ priv: 'SUSEED', pub: 'U1' }) }),
    'own.large': runner({ doc: 'x', args: { size: z.number() }, run: ({ size }) => 'x'.repeat(size) }),
    'own.takes': runner({
      doc: 'x',
      args: { rules: z.array(z.number()), name: z.string() },
      bulky: ['rules'],
      run: ({ rules }) => rules.length,
    }),
    'own.nothing': runner({ doc: 'x', run: () => undefined }),
    'own.refuses': runner({
      doc: 'x',
      run() {
        throw new ReactorError('function_failed', 'no disk')
      },
    }),
    'own.half': runner({
      doc: 'x',
      run: () => Promise.reject(failedReturn('one step failed', { retcode: 1 })),
    }),
    'own.forbidden': runner({
      doc: 'x',
      run() {
        throw new ReactorError('forbidden', "'root' may not call 'x.y' on web1")
      },
    }),
    'own.crashes': runner({
      doc: 'x',
      run() {
        throw new TypeError('x is not a function')
      },
    }),
    'own.fires': runner({
      doc: 'x',
      async run(_args, context) {
        await context.fire('my/own', { n: 1 })
        return context.key
      },
    }),
    'own.waits': runner({
      doc: 'x',
      run: (_args, { signal }) =>
        new Promise((_resolve, reject) => {
          gate.open()
          signal.addEventListener('abort', () => reject(signal.reason))
        }),
    }),
  }
  const { log, lines } = keptLog()
  const { audit, records: audited } = keptAudit()
  const jobs = createFunctionJobs({
    kind: 'runner',
    registry: createRegistry('runner', new Map(Object.entries(own))),
    records: await openJobRecords(core.nc, core.subjects, core.publisher, 86_400_000),
    announce: await openAnnounce(core.nc, core.subjects, core.publisher, '_jobs'),
    fire: (tag, data, options) => {
      if (!tag.endsWith('/ret') || refusals-- <= 0) return core.fire(tag, data, options)
      return Promise.reject(new ReactorError('store_refused', 'the store refused the message: it is full'))
    },
    profiles: { smtp: {}, http: {} },
    runTimeoutMs,
    storeReturn: async (jid, json) => {
      if (absences-- > 0) throw new ReactorError('unreachable', 'the store of returns has no leader')
      if (json.length > 3_000_000) throw new ReactorError('store_refused', 'the store is full')
      return { name: jid, parts: 1, size: json.length, sha256: 'x' }
    },
    audit,
    log,
    extend: context => context as RunnerContext,
  })
  const call = (fun: string, more: Partial<FunctionCall> = {}) =>
    jobs.run({ fun, arg: [], kwarg: {}, user: 'root', ...more })
  return { ...core, jobs, call, ran, gate, lines, audited }
}

/** Of the function's return, for so many times. */
let refusals = 0
/** Of the store of large returns, so many times. */
let absences = 0

const work = { key: 'event-1/rule/0/1', causeMs: Date.UTC(2026, 10, 20, 9, 18, 20) }

describe('a return that the store refuses', () => {
  it('is told when there is room, where it is of work: until then that is not done', async () => {
    const { call, events, lines } = await start()
    refusals = 1
    const { told, outcome } = await call('own.sharp', { work })
    expect(outcome).toEqual({ ok: true, value: 'sharp' })
    await lines.find(({ msg }) => msg.includes('cannot be done yet'), 'the first try')
    expect(events.items.filter(({ tag }) => tag.endsWith('/ret'))).toEqual([])
    await told
    const returned = await events.find(({ tag }) => tag.endsWith('/ret'), 'the return')
    expect(returned.data).toMatchObject({ return: 'sharp', success: true })
  })

  it('and is large is told whole once the store of such is there, where it is of work', async () => {
    const { call, events, lines } = await start()
    absences = 1
    const { jid, told } = await call('own.large', { arg: [2_000_000], work })
    await lines.find(({ msg }) => msg.includes('cannot be done yet'), 'the first try')
    expect(events.items.filter(({ tag }) => tag.endsWith('/ret'))).toEqual([])
    await told
    const returned = await events.find(({ tag }) => tag.endsWith('/ret'), 'the return')
    expect(returned.data).toMatchObject({ success: true, return: null, payload: { name: jid, size: 2_000_002 } })
  })

  it.each<[string, Partial<FunctionCall>, number]>([
    ['is no work', {}, 2_000_000],
    ['is of work and never gets into the store of such', { work }, 4_000_000],
    ['is of work whose worker stops', { work }, 2_000_000],
  ])('and is large says so in its return, where it %s', async (what, more, size) => {
    const { call, events, lines, jobs } = await start()
    const stops = what.endsWith('stops')
    absences = size > 3_000_000 ? 0 : 1
    const { told } = await call('own.large', { arg: [size], ...more })
    if (stops) {
      await lines.find(({ msg }) => msg.includes('cannot be done yet'), 'the first try')
      jobs.stop()
    }
    await told
    const returned = await events.find(({ tag }) => tag.endsWith('/ret'), 'the return')
    expect(returned.data).toMatchObject({
      success: true,
      return: expect.stringMatching(/^the return cannot be stored: the store (is full|of returns has no leader)$/),
    })
  })

  it('is told of in the log where nobody waits for it', async () => {
    const { call, lines } = await start()
    refusals = 1
    await (await call('own.safe')).told
    await lines.find(({ msg }) => msg === 'a return could not be stored', 'the log')
  })
})

describe('a runner function as a job', () => {
  it('has a return where it failed and says what failed in that', async () => {
    const { call, events } = await start()
    const { outcome } = await call('own.half')
    expect(outcome).toEqual({ ok: false, code: 'function_failed', message: 'one step failed', value: { retcode: 1 } })
    const returned = await events.find(({ tag }) => tag.endsWith('/ret'), 'the return')
    expect(returned.data).toMatchObject({ return: { retcode: 1 }, success: false })
  })

  it('is announced and returned in Salt’s shape, caused by what caused it', async () => {
    const { call, events, nc, ns } = await start()
    const { jid, outcome } = await call('own.add', { arg: [2], kwarg: { b: 3 }, cause: 'event-1', hops: 2, chain: 'r' })
    expect(outcome).toEqual({ ok: true, value: 5 })
    const seen = { fun: 'runner.own.add', jid, user: 'root', fun_args: [2, { __kwarg__: true, b: 3 }] }
    const [started, returned] = await events.reach(2)
    expect(started).toMatchObject({ tag: `salt/run/${jid}/new`, data: seen, cause: 'event-1', hops: 3, chain: 'r' })
    expect(returned).toMatchObject({
      tag: `salt/run/${jid}/ret`,
      data: { ...seen, return: 5, success: true },
      cause: jid,
      hops: 3,
      chain: 'r',
    })
    const records = await storedIn<JobRecord>(nc, `${ns}_JOBS`)
    expect(records.map(({ body }) => body)).toMatchObject([
      { jid, kind: 'runner', fun: 'own.add', user: 'root', hops: 3, chain: 'r' },
    ])
  })

  it('that returns nothing returned null', async () => {
    const { call, events } = await start()
    expect((await call('own.nothing')).outcome).toEqual({ ok: true, value: null })
    expect((await events.reach(2))[1]!.data.return).toBeNull()
  })

  it('is announced with the time by which it must have ended, and stopped then', async () => {
    const { call, events } = await start(50)
    const { jid, outcome } = await within(call('own.waits'), 'the end of the function')
    expect(outcome).toEqual({ ok: false, code: 'function_failed', message: 'it ran for 50ms and was stopped' })
    const [started, returned] = await events.reach(2)
    expect(Number(started!.data.run_until) - Number(started!.data.deadline)).toBe(50)
    expect(returned).toMatchObject({ tag: `salt/run/${jid}/ret`, data: { success: false } })
  })

  it('shows no secret of its arguments in its events', async () => {
    const { call, events } = await start()
    expect((await call('own.login', { kwarg: { user: 'x', password: 'hunter2' } })).outcome.ok).toBe(true)
    await events.reach(2)
    expect(JSON.stringify(events.items)).not.toContain('hunter2')
    expect(events.items[0]!.data.fun_args).toEqual([{ __kwarg__: true, user: 'x', password: '[redacted]' }])
  })

  it('keeps no secret in its record: it is not run from there', async () => {
    const { call, nc, ns } = await start()
    const hash = 'scrypt$15$8$1$c2FsdA==$aGFzaA=='
    await call('own.login', { kwarg: { user: hash, password: 'hunter2' } })
    await call('own.login', { arg: ['x', hash] })
    const records = await storedIn<JobRecord>(nc, `${ns}_JOBS`)
    expect(records.map(({ body: { arg, kwarg } }) => ({ arg, kwarg }))).toEqual([
      { arg: [], kwarg: { user: '[redacted]', password: '[redacted]' } },
      { arg: ['x', '[redacted]'], kwarg: {} },
    ])
  })

  it('tells the size alone of an argument that is bulky, in events and in its record', async () => {
    const { call, events, nc, ns } = await start()
    expect((await call('own.takes', { kwarg: { rules: [1, 2, 3], name: 'x' } })).outcome).toEqual({
      ok: true,
      value: 3,
    })
    expect((await call('own.takes', { arg: [[1, 2, 3], 'x'] })).outcome).toEqual({ ok: true, value: 3 })
    const told = (await events.reach(4)).map(({ data }) => data.fun_args)
    const named = [{ __kwarg__: true, rules: '[7 bytes]', name: 'x' }]
    const placed = ['[7 bytes]', 'x']
    expect(told).toEqual([named, named, placed, placed])
    const records = await storedIn<JobRecord>(nc, `${ns}_JOBS`)
    expect(records.map(({ body: { arg, kwarg } }) => ({ arg, kwarg }))).toEqual([
      { arg: [], kwarg: { rules: '[7 bytes]', name: 'x' } },
      { arg: placed, kwarg: {} },
    ])
  })

  it('gives the secret that it makes to its caller alone', async () => {
    const { call, events } = await start()
    const { jid, outcome } = await call('own.makes')
    expect(outcome).toEqual({ ok: true, value: { priv: 'SUSEED', pub: 'U1' } })
    const returned = await events.find(({ tag }) => tag === `salt/run/${jid}/ret`, 'the return')
    expect(returned.data.return).toEqual({ priv: '[redacted]', pub: 'U1' })
    expect(JSON.stringify(events.items)).not.toContain('SUSEED')
  })

  it('fires events that it caused, one hop on', async () => {
    const { call, events } = await start()
    const { jid, outcome } = await call('own.fires', { hops: 4, chain: 'r' })
    expect(outcome).toEqual({ ok: true, value: jid })
    const fired = await events.find(({ tag }) => tag === 'my/own', 'the event of the function')
    expect(fired).toMatchObject({ data: { n: 1 }, cause: jid, hops: 5, chain: 'r' })
  })

  it('whose return no message can hold has it stored apart', async () => {
    const { call, events } = await start()
    const { jid, outcome } = await call('own.large', { arg: [2_000_000] })
    expect(outcome.ok).toBe(true)
    const returned = await events.find(({ tag }) => tag === `salt/run/${jid}/ret`, 'the return')
    expect(returned.data).toMatchObject({ success: true, return: null, payload: { name: jid, size: 2_000_002 } })
  })

  it('whose return cannot be stored has run well, and says so in its return', async () => {
    const { call, events } = await start()
    const { jid, outcome } = await call('own.large', { arg: [4_000_000] })
    expect(outcome.ok).toBe(true)
    const returned = await events.find(({ tag }) => tag === `salt/run/${jid}/ret`, 'the return')
    expect(returned.data).toMatchObject({
      success: true,
      return: 'the return cannot be stored: the store is full',
    })
  })

  it.each([
    ['own.refuses', [], 'function_failed', 'no disk'],
    ['own.crashes', [], 'function_failed', 'x is not a function'],
    ['own.add', [1], 'bad_argument', "own.add needs the argument 'b' (number)"],
  ])('that fails has its failure as outcome and return: %s', async (fun, arg, code, message) => {
    const { call, events } = await start()
    const { jid, outcome } = await call(fun, { arg })
    expect(outcome).toMatchObject({ ok: false, code, message })
    const returned = await events.find(({ tag }) => tag === `salt/run/${jid}/ret`, 'the return')
    expect(returned.data).toMatchObject({ return: message, success: false })
  })

  it('has the stack of its exception in the log and nowhere else', async () => {
    const { call, events, lines } = await start()
    await call('own.crashes')
    expect(lines.items.at(-1)!.stack).toContain('run-function.test.ts')
    await events.reach(2)
    expect(JSON.stringify(events.items)).not.toContain('run-function.test.ts')
  })

  it('that is not there is no job', async () => {
    const { call, nc, ns } = await start()
    await expect(call('own.ad')).rejects.toMatchObject({
      code: 'unknown_function',
      message: "'own.ad' is not available. Did you mean 'own.add'?",
    })
    expect(await storedIn(nc, `${ns}_JOBS`)).toEqual([])
  })

  it('is told when the process stops, and has a return', async () => {
    const { call, jobs, gate, events } = await start()
    const running = call('own.waits')
    await within(gate.passed, 'the start of the function')
    jobs.stop()
    expect((await running).outcome).toMatchObject({ ok: false, code: 'stopped' })
    await events.find(({ data }) => data.success === false, 'the return')
  })

  it('that is work has no return when the process stops: it is taken up again', async () => {
    const { call, jobs, gate, nc, ns } = await start()
    const running = call('own.waits', { work })
    await within(gate.passed, 'the start of the function')
    jobs.stop()
    expect((await running).outcome).toMatchObject({ ok: false, code: 'stopped' })
    const tags = (await storedIn<{ tag: string }>(nc, `${ns}_EVENTS`)).map(({ body }) => body.tag)
    expect(tags.filter(tag => tag.endsWith('/ret'))).toEqual([])
    await expect(call('own.safe')).rejects.toThrow('this process is stopping; ask again')
  })
})

describe('work that was started before', () => {
  it('runs again under the same jid where the function is idempotent, and is announced once', async () => {
    const { call, ran, events, nc, ns } = await start()
    const first = await call('own.safe', { work })
    const second = await call('own.safe', { work })
    expect(second).toEqual(first)
    expect(ran).toEqual([`safe ${first.jid}`, `safe ${first.jid}`])
    const tags = (await storedIn<{ tag: string }>(nc, `${ns}_EVENTS`)).map(({ body }) => body.tag)
    expect(tags.filter(tag => tag === `salt/run/${first.jid}/new`)).toHaveLength(1)
    expect(events.items[0]!.data.jid).toBe(first.jid)
  })

  it('does not run again where it is not: its outcome is unknown', async () => {
    const { call, ran } = await start()
    const first = await call('own.sharp', { work })
    const second = await call('own.sharp', { work })
    expect(second).toMatchObject({
      jid: first.jid,
      outcome: { ok: false, code: 'outcome_unknown', message: expect.stringContaining(`as job ${first.jid}`) },
    })
    expect(ran).toEqual([`sharp ${first.jid}`])
  })

  it('runs where its first try was refused before it began', async () => {
    const { call, ran, nc, ns } = await start()
    const jsm = await jetstreamManager(nc)
    await jsm.streams.update(`${ns}_EVENTS`, { max_bytes: 1 })
    await expect(call('own.sharp', { work })).rejects.toMatchObject({ code: 'store_refused' })
    expect(ran).toEqual([])
    await jsm.streams.update(`${ns}_EVENTS`, { max_bytes: 1_000_000 })
    const { jid, outcome } = await call('own.sharp', { work })
    expect(outcome).toEqual({ ok: true, value: 'sharp' })
    expect((await call('own.sharp', { work })).outcome).toMatchObject({ code: 'outcome_unknown' })
    expect(ran).toEqual([`sharp ${jid}`])
  })

  it('runs once where it is asked for twice at the same time', async () => {
    const { call, ran } = await start()
    const both = await Promise.all([call('own.sharp', { work }), call('own.sharp', { work })])
    expect(both.map(({ outcome }) => outcome.ok).sort()).toEqual([false, true])
    expect(ran).toHaveLength(1)
  })

  it('is known by its key where its event is fired again and stored at another time', async () => {
    const { call, ran } = await start()
    const first = await call('own.sharp', { work })
    const again = await call('own.sharp', { work: { ...work, causeMs: work.causeMs + 3_600_000 } })
    expect(again).toMatchObject({ jid: first.jid, begun: true, outcome: { ok: false, code: 'outcome_unknown' } })
    expect(ran).toEqual([`sharp ${first.jid}`])
  })

  it('leaves a mark without its arguments, and none where it is idempotent', async () => {
    const { call, nc, ns, subjects } = await start()
    const { jid, marked } = await call('own.add', { work, arg: [2, 3] })
    await call('own.safe', { work: { ...work, key: 'event-1/rule/1/1' } })
    expect(marked).toBe(true)
    const stored = await storedIn(nc, `${ns}_JOBS`)
    expect(stored.map(({ subject, body }) => [subject, body])).toEqual([
      [subjects.startMark(work.key), { causeMs: work.causeMs }],
    ])
    expect(jid).toMatch(/^20261120091820/)
  })

  it('carries the work’s key, which stays the same, to the function', async () => {
    const { call } = await start()
    expect((await call('own.fires', { work })).outcome).toEqual({ ok: true, value: 'event-1/rule/0' })
  })
})

describe('the audit record of a function', () => {
  const source = 'OPS 10.0.0.1'

  it('tells who called it, from where, and that it is done, and never an argument', async () => {
    const { call, audited } = await start()
    const { jid } = await call('own.login', { kwarg: { user: 'x', password: 'hunter2' }, source, cause: 'e', hops: 1 })
    expect(audited.items).toEqual([
      { kind: 'runner', user: 'root', source, action: 'own.login', result: 'ok', jid, cause: 'e', hops: 1 },
    ])
  })

  it('tells how it failed by a code, for words may repeat arguments', async () => {
    const { call, audited } = await start()
    await call('own.add', { arg: ['hunter2', 'hunter2'] })
    await call('own.refuses')
    expect(audited.items).toMatchObject([
      { source: 'CORE', action: 'own.add', result: 'failed', reason: 'bad_argument' },
      { source: 'CORE', action: 'own.refuses', result: 'failed', reason: 'function_failed' },
    ])
    expect(JSON.stringify(audited.items)).not.toContain('hunter2')
  })

  it('tells what was refused within it in whole', async () => {
    const { call, audited } = await start()
    const { outcome } = await call('own.forbidden')
    expect(outcome).toMatchObject({ ok: false, code: 'forbidden' })
    expect(audited.items).toMatchObject([{ result: 'refused', reason: "'root' may not call 'x.y' on web1" }])
  })

  it('is made of a function that there is not', async () => {
    const { call, audited } = await start()
    await expect(call('own.nope')).rejects.toMatchObject({ code: 'unknown_function' })
    expect(audited.items).toMatchObject([{ action: 'own.nope', result: 'failed', reason: 'unknown_function' }])
  })
})
