import { describe, expect, it } from 'vitest'
import type { JobRecord } from '../../src/protocol/job.ts'
import { countsText } from '../../src/report/job.ts'
import { killMinions, killRequest } from '../../src/report/kill.ts'
import { argumentsOf, planRetry } from '../../src/report/retry.ts'
import { madeJob } from './made.ts'

const JID = '20261120091843644180'
const job = madeJob(JID, {
  off: 'offline',
  acc: 'accepted',
  run: 'running',
  ok: 'returned',
  bad: 'failed',
  dead: 'died',
  late: 'timed_out',
})
const BEFORE = job.deadline - 1
const AFTER = job.deadline + 1
const choose = (nowMs: number, more: { globs?: string[]; onlyFailed?: boolean } = {}) =>
  planRetry(job, { globs: [], onlyFailed: true, nowMs, ...more }).minions

describe('a job is retried', () => {
  it('where it failed, died, timed out, or could not start any more', () => {
    expect(choose(AFTER)).toEqual(['bad', 'dead', 'late', 'off'])
  })
  it('not where the minion may still come back and run it', () => {
    expect(choose(BEFORE)).toEqual(['bad', 'dead', 'late'])
  })
  it('also where it returned, if that is wanted, but never where it waits or runs', () => {
    expect(choose(AFTER, { onlyFailed: false })).toEqual(['bad', 'dead', 'late', 'off', 'ok'])
  })
  it('on those named alone', () => {
    expect(choose(AFTER, { globs: ['d*', 'ok', 'run', 'l[a]te'] })).toEqual(['dead', 'late'])
    expect(choose(AFTER, { globs: ['r*'] })).toEqual([])
  })
})

describe('a name that is none of the job’s minions', () => {
  it('is told from those that mean one, by id or by glob', () => {
    expect(() => choose(AFTER, { globs: ['dead', 'nobody', 'l*', 'x*'] })).toThrow(
      `job ${JID} was not for nobody, x*: it was for off, acc, run, ok, bad and 2 more`,
    )
  })
})

describe('the arguments of a retry', () => {
  const cached = madeJob(JID, {}, { arg: ['a', 2, { __kwarg__: true, k: 'v' }] })
  const record = { arg: ['x'], kwarg: { password: 'secret' } } as unknown as JobRecord

  it("are the record's while it is kept", () => {
    expect(argumentsOf(cached, record)).toEqual({ arg: ['x'], kwarg: { password: 'secret' } })
  })
  it("are given on with the record's returners", () => {
    const returning = { ret: 'mysql', ret_kwargs: { db: 'x' } }
    expect(argumentsOf(cached, { ...record, ...returning })).toMatchObject(returning)
  })
  it("are the cache's after that", () => {
    expect(argumentsOf(cached, undefined)).toEqual({ arg: ['a', 2], kwarg: { k: 'v' } })
    expect(argumentsOf(madeJob(JID, {}, { arg: [{ k: 1 }] }), undefined)).toEqual({ arg: [{ k: 1 }], kwarg: {} })
  })
  it('have the returners of the cache after that, unless the job brought along settings that are gone', () => {
    const returning = { ret: 'mysql,redis', ret_config: 'other' }
    expect(argumentsOf(madeJob(JID, {}, returning), undefined)).toEqual({ arg: [], kwarg: {}, ...returning })
    const own = madeJob(JID, {}, { ...returning, ret_kwargs: { db: '[redacted]' } })
    expect(() => argumentsOf(own, undefined)).toThrow(
      `job ${JID} cannot be retried: it had settings of its own for its returners (ret_kwargs: db)`,
    )
  })
  it.each([
    ['named', ['a', { __kwarg__: true, password: '[redacted]' }]],
    ['deep inside', [{ list: [{ token: '[redacted]' }] }]],
  ])('are refused where a secret is gone: %s', (_what, arg) => {
    expect(() => argumentsOf(madeJob(JID, {}, { arg }), undefined)).toThrow(
      `job ${JID} cannot be retried: its arguments held secrets`,
    )
  })
})

it('counts are told in words', () => {
  expect(countsText({ timed_out: 1, returned: 2, running: 1 })).toBe('1 running, 2 returned, 1 timed out')
  expect(countsText({ died: 3 }, (state, text) => `<${state}>${text}`)).toBe('<died>3 died')
  expect(countsText({})).toBe('no minions')
})

describe('a job is killed', () => {
  it('where it waits or runs, or may yet start', () => {
    expect(killMinions(job, BEFORE)).toEqual(['acc', 'off', 'run'])
    expect(killMinions(job, AFTER)).toEqual(['acc', 'run'])
  })
  it('nowhere once it has ended', () => {
    expect(() => killMinions(madeJob(JID, { a: 'died' }), BEFORE)).toThrow(
      `job ${JID} has ended on all its minions (1 died): nothing to end`,
    )
    expect(() => killMinions({ jid: JID, kind: 'local', minions: [] as string[] } as JobRecord, BEFORE)).toThrow(
      'nothing to end',
    )
  })
  it('on all its minions while the cache does not have it', () => {
    expect(killMinions({ jid: JID, kind: 'local', minions: ['b', 'a'] } as JobRecord, BEFORE)).toEqual(['a', 'b'])
  })
  it.each<[string | number, string, unknown[]]>([
    ['KILL', 'saltutil.kill_job', [JID]],
    [9, 'saltutil.kill_job', [JID]],
    ['term', 'saltutil.term_job', [JID]],
    ['SIGTERM', 'saltutil.term_job', [JID]],
    ['15', 'saltutil.term_job', [JID]],
    ['USR1', 'saltutil.signal_job', [JID, 10]],
    [1, 'saltutil.signal_job', [JID, 1]],
  ])('by signal %s', (signal, fun, arg) => {
    expect(killRequest(JID, signal)).toEqual({ fun, arg })
  })
  it.each(['NOSUCH', '0', '', 4711, 1.5, 'constructor'])('never by %j, which is no signal', signal => {
    expect(() => killRequest(JID, signal)).toThrow(`'${signal}' is not a signal`)
  })
})
