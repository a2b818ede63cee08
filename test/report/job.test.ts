// The expected texts are what Salt 3006.0 printed with --out=json.
import { describe, expect, it } from 'vitest'
import {
  activeJob,
  filteredJob,
  listedJob,
  masterJob,
  missingJob,
  printedJob,
  returnsOf,
  successOf,
} from '../../src/report/job.ts'
import { bad, good, madeJob } from './made.ts'

const failed = madeJob(
  '20261120091902797382',
  { minion1: 'failed' },
  { fun: 'cmd.run', arg: ['echo hi; exit 3'], returns: { minion1: bad('hi', 3) } },
)
const running = madeJob('20261120091843644180', { minion1: 'running' }, { fun: 'cmd.run', arg: ['sleep 30'] })

describe("a job in Salt's shapes", () => {
  it('is printed with its returns, key for key', () => {
    expect(JSON.stringify({ jid: failed.jid, ...printedJob(failed) }, null, 4)).toBe(`{
    "jid": "20261120091902797382",
    "Function": "cmd.run",
    "Arguments": [
        "echo hi; exit 3"
    ],
    "Target": "*",
    "Target-type": "glob",
    "User": "root",
    "Minions": [
        "minion1"
    ],
    "StartTime": "2026, Nov 20 09:19:02.797382",
    "Result": {
        "minion1": {
            "return": "hi",
            "retcode": 3,
            "success": false
        }
    }
}`)
  })

  it('is listed without them', () => {
    const job = madeJob(
      '20261120091904734234',
      { minion1: 'returned' },
      { fun: 'test.arg', arg: [1, 'two', { __kwarg__: true, k: 'v' }] },
    )
    expect(JSON.stringify({ [job.jid]: listedJob(job) }, null, 4)).toBe(`{
    "20261120091904734234": {
        "Function": "test.arg",
        "Arguments": [
            1,
            "two",
            {
                "__kwarg__": true,
                "k": "v"
            }
        ],
        "Target": "*",
        "Target-type": "glob",
        "User": "root",
        "StartTime": "2026, Nov 20 09:19:04.734234"
    }
}`)
  })

  it('that runs says where, and in which process', () => {
    expect(JSON.stringify(activeJob(running, new Map([['minion1', 20440]])), null, 4)).toBe(`{
    "Function": "cmd.run",
    "Arguments": [
        "sleep 30"
    ],
    "Target": "*",
    "Target-type": "glob",
    "User": "root",
    "StartTime": "2026, Nov 20 09:18:43.644180",
    "Running": [
        {
            "minion1": 20440
        }
    ],
    "Returned": []
}`)
  })

  it('that nobody knows says so', () => {
    const jid = '20200101000000000000'
    expect(JSON.stringify({ jid, ...missingJob(jid) }, null, 4)).toBe(`{
    "jid": "20200101000000000000",
    "Error": "Cannot contact returner or no job with this jid",
    "StartTime": "2020, Jan 01 00:00:00.000000",
    "Result": {}
}`)
  })

  it('keeps a minion that told no process, and leaves out those with which it is through', () => {
    const job = madeJob(
      running.jid,
      { c: 'running', a: 'accepted', b: 'returned', d: 'offline', e: 'died' },
      { returns: { b: good(true), e: { ...bad('died', 1), outcome: 'died' } } },
    )
    expect(activeJob(job, new Map([['c', 7]]))).toMatchObject({
      Running: [{ a: null }, { c: 7 }],
      Returned: ['b', 'e'],
    })
    expect(printedJob(job).Result).toEqual({
      b: { return: true, retcode: 0, success: true },
      e: { return: 'died', retcode: 1, success: false, outcome: 'died' },
    })
  })

  it('has its metadata, and its jid inside where the list has no keys', () => {
    const job = madeJob(running.jid, {}, { metadata: { why: 'test' } })
    expect(filteredJob(job)).toMatchObject({ Metadata: { why: 'test' }, JID: running.jid })
    expect(listedJob(running)).not.toHaveProperty('Metadata')
  })

  it('of the master is named with its kind, once', () => {
    const job = madeJob('20261120091845689477', { _jobs: 'running' }, { kind: 'runner', fun: 'jobs.active' })
    const shown = {
      fun: 'runner.jobs.active',
      jid: '20261120091845689477',
      user: 'root',
      fun_args: [],
      _stamp: '2026-11-20T09:18:45.689477',
    }
    expect(masterJob(job)).toEqual(shown)
    expect(masterJob({ ...job, fun: 'runner.jobs.active' })).toEqual(shown)
  })
})

describe('the returns of a job', () => {
  const job = madeJob(
    failed.jid,
    { b: 'returned', a: 'failed', c: 'timed_out', d: 'offline' },
    { returns: { b: good({ x: 1 }), a: bad('no', 1) } },
  )
  it.each([
    ['those that returned', { returned: true, missing: false }, { a: 'no', b: { x: 1 } }],
    [
      'those that did not',
      { returned: false, missing: true },
      { c: 'Minion did not return', d: 'Minion did not return' },
    ],
    [
      'both',
      { returned: true, missing: true },
      { a: 'no', b: { x: 1 }, c: 'Minion did not return', d: 'Minion did not return' },
    ],
    ['nobody', { returned: false, missing: false }, {}],
  ])('are of %s', (_what, wanted, returns) => {
    expect(returnsOf(job, wanted)).toEqual(returns)
    expect(Object.keys(returnsOf(job, wanted))).toEqual(Object.keys(returns))
  })

  it('are a success only where the minion returned well', () => {
    expect(successOf(job)).toEqual({ a: false, b: true, c: false, d: false })
    expect(successOf(failed)).toEqual({ minion1: false })
    expect(successOf({ ...failed, returns: { minion1: { ...good(''), retcode: 0 } } })).toEqual({ minion1: true })
    expect(successOf({ ...failed, returns: { minion1: { ...good('x'), retcode: 3 } } })).toEqual({ minion1: false })
  })

  it('of a minion that is called as a property of every map are its own', () => {
    const odd = madeJob(failed.jid, Object.fromEntries([['constructor', 'offline']]))
    expect(successOf(odd)).toEqual({ constructor: false })
    expect(returnsOf(odd, { returned: true, missing: true })).toEqual({ constructor: 'Minion did not return' })
  })
})
