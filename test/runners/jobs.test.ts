import { describe, expect, it } from 'vitest'
import type { Gathered, PublishRequest } from '../../src/functions/context.ts'
import type { RunnerContext } from '../../src/functions/runner-context.ts'
import { createJidSource } from '../../src/protocol/jid.ts'
import type { JobRecord, JobReturn } from '../../src/protocol/job.ts'
import type { JobsRequest, JobView } from '../../src/protocol/job-view.ts'
import { caller } from '../modules/call.ts'
import { bad, good, madeJob } from '../report/made.ts'

const JID = '20261120091843644180'
const UNKNOWN = '20200101000000000000'

const answer = (id: string, value: unknown): JobReturn => ({
  id,
  jid: '1',
  fun: 'f',
  fun_args: [],
  return: value,
  retcode: 0,
  success: true,
  cmd: '_return',
})

/** A job worker over a made cache; `minions` says what each answers to whatever it is asked, an absent one is offline. */
function worker(
  jobs: JobView[],
  { minions = {}, record }: { minions?: Record<string, unknown>; record?: JobRecord } = {},
) {
  const asked: JobsRequest[] = []
  const gathered: [PublishRequest, number][] = []
  const probed: [PublishRequest, number][] = []
  const published: PublishRequest[] = []
  const forgotten: string[] = []
  const answers = (request: PublishRequest): Gathered => {
    const ids = request.tgt as string[]
    const result: Gathered = { jid: '1', minions: ids, returns: {}, offline: [], refused: {}, silent: [] }
    for (const id of ids) {
      const said = minions[id]
      if (said === undefined) result.offline.push(id)
      else if (said === 'silent') result.silent.push(id)
      else if (said instanceof Error) result.refused[id] = said.message
      else result.returns[id] = answer(id, said)
    }
    return result
  }
  const overrides: Partial<RunnerContext> = {
    cache: {
      job: async jid => jobs.find(job => job.jid === jid) ?? null,
      whole: async job => ({
        ...job,
        returns: Object.fromEntries(
          Object.entries(job.returns).map(([id, { payload, ...returned }]) => [
            id,
            payload ? { ...returned, return: `${payload.size} bytes` } : returned,
          ]),
        ),
      }),
      async jobs(request) {
        asked.push(request)
        const kinds = [request.kind ?? []].flat()
        const found = jobs
          .filter(job => kinds.includes(job.kind) && (!request.active || job.active))
          .sort((a, b) => (a.jid < b.jid ? 1 : -1))
        return { jobs: found.slice(0, request.limit), more: found.length > (request.limit ?? 1000) }
      },
    },
    async forgetMissed(jid) {
      forgotten.push(jid)
    },
    async gather(request, timeoutMs) {
      gathered.push([request, timeoutMs])
      return answers(request)
    },
    async probe(request, timeoutMs) {
      probed.push([request, timeoutMs])
      return answers(request)
    },
    async publish(request) {
      published.push(request)
      return { jid: '20261120100000000000', minions: (request.tgt as string[]).filter(id => id !== 'gone') }
    },
    record: async jid => (record?.jid === jid ? record : undefined),
  }
  const { call, recorded } = caller('runner', overrides as Parameters<typeof caller>[1])
  return { call, asked, gathered, probed, forgotten, published, fired: recorded.fired }
}

const ended = madeJob(
  JID,
  { web1: 'returned', web2: 'failed' },
  { fun: 'cmd.run', arg: ['x'], returns: { web1: good('fine'), web2: bad('no', 2) } },
)

describe('jobs.active', () => {
  const open = madeJob(JID, { a: 'running', b: 'running', c: 'accepted', d: 'returned' }, { returns: { d: good(1) } })
  const other = madeJob('20261120091843644181', { a: 'running' })

  it('asks the minions that run them for their processes, once', async () => {
    const { call, gathered, probed } = worker([open, other, ended], {
      minions: {
        a: [
          { jid: JID, pid: 11 },
          { jid: other.jid, pid: 12 },
        ],
        b: 'silent',
        c: [],
      },
    })
    expect(await call('jobs.active')).toMatchObject({
      [JID]: { Running: [{ a: 11 }, { b: null }, { c: null }], Returned: ['d'], Function: 'test.ping' },
      [other.jid]: { Running: [{ a: 12 }], Returned: [] },
    })
    expect(probed).toEqual([[{ tgt: ['a', 'b', 'c'], tgt_type: 'list', fun: 'saltutil.running', timeout: 5 }, 5000]])
    expect(gathered).toEqual([])
  })

  it('asks nobody where nothing runs', async () => {
    const { call, probed, asked } = worker([ended])
    expect(await call('jobs.active')).toEqual({})
    expect(probed).toEqual([])
    expect(asked).toEqual([{ active: true, kind: 'local', limit: 1000 }])
  })

  it('is not misled by an answer that is no list of jobs', async () => {
    const { call } = worker([other], { minions: { a: "'saltutil.running' is not available." } })
    expect(await call('jobs.active')).toMatchObject({ [other.jid]: { Running: [{ a: null }] } })
    const odd = worker([other], {
      minions: { a: [{ jid: 5, pid: 1 }, { pid: 2 }, { jid: other.jid, pid: 'x' }, null] },
    })
    expect(await odd.call('jobs.active')).toMatchObject({ [other.jid]: { Running: [{ a: null }] } })
  })

  it('tells its progress in events, if that is wanted', async () => {
    const { call, fired } = worker([other], { minions: { a: [] } })
    await call('jobs.active')
    expect(fired).toEqual([])
    await call('jobs.active', [true])
    expect(fired).toEqual(
      [
        'Querying the job cache for active jobs',
        'Attempting to contact minions: a',
        'Received reply from minion a',
      ].map(message => ({ tag: 'salt/run/20260101000000000000/progress', data: { message } })),
    )
  })
})

describe('the lists of jobs', () => {
  const runnerJob = madeJob('20261120091900000000', { _jobs: 'returned' }, { kind: 'runner', fun: 'jobs.list_jobs' })
  const early = madeJob('20261120080000000000', { a: 'returned' })

  it('hold jobs on minions by jid, oldest first, and other kinds on request', async () => {
    const { call } = worker([ended, runnerJob, early])
    expect(Object.keys((await call('jobs.list_jobs')) as object)).toEqual([early.jid, JID])
    expect(await call('jobs.list_jobs', [], { kind: ['runner', 'wheel'] })).toMatchObject({
      [runnerJob.jid]: { Function: 'jobs.list_jobs' },
    })
    await expect(call('jobs.list_jobs', [], { kind: 'cloud' })).rejects.toThrow("argument 'kind'")
  })

  it("take Salt's filters by their places", async () => {
    const { call, asked } = worker([])
    expect(
      await call('jobs.list_jobs', [null, null, { a: 1 }, 'test.*,x.y', ['web*'], '2026-11-20', 20261121]),
    ).toEqual({})
    expect(asked).toEqual([
      {
        kind: 'local',
        fun: ['test.*', 'x.y'],
        tgt: ['web*'],
        metadata: { a: 1 },
        since: Date.UTC(2026, 10, 20),
        until: Date.UTC(2026, 10, 21),
        limit: 1000,
      },
    ])
  })

  it('are cut to the newest, as a list', async () => {
    const { call, asked } = worker([ended, early])
    expect(await call('jobs.list_jobs_filter', [1])).toEqual([expect.objectContaining({ JID })])
    expect(await call('jobs.list_jobs_filter', [5, false])).toMatchObject([{ JID: early.jid }, { JID }])
    expect(asked.map(request => [request.limit, request.without_find_job])).toEqual([
      [1, true],
      [5, undefined],
    ])
    await expect(call('jobs.list_jobs_filter', [0])).rejects.toThrow("argument 'count'")
  })

  it('ask the store alone that ext_source names', async () => {
    const { call, asked } = worker([])
    expect(await call('jobs.list_jobs', ['mysql'])).toEqual({})
    expect(await call('jobs.list_jobs_filter', [5], { ext_source: 'mysql' })).toEqual([])
    expect(await call('jobs.last_run', [], { ext_source: 'redis' })).toBe(false)
    expect(asked.map(request => request.ext_source)).toEqual(['mysql', 'mysql', 'redis'])
  })

  it('refuse by name what they cannot do', async () => {
    const { call } = worker([ended])
    await expect(call('jobs.last_run', [], { outputter: 'highstate' })).rejects.toThrow(
      "argument 'outputter': the caller chooses how an answer is printed, with --out",
    )
    await expect(call('jobs.list_jobs', [], { start_time: 'soon' })).rejects.toThrow("'soon' is not a date")
    await expect(call('jobs.list_jobs', [], { search_metadata: 'foo' })).rejects.toThrow("argument 'search_metadata'")
  })
})

describe('one job', () => {
  it('is shown with its returns', async () => {
    const { call } = worker([ended])
    const shown = {
      Function: 'cmd.run',
      Minions: ['web1', 'web2'],
      Result: {
        web1: { return: 'fine', retcode: 0, success: true },
        web2: { return: 'no', retcode: 2, success: false },
      },
    }
    expect(await call('jobs.list_job', [JID])).toMatchObject({ jid: JID, ...shown })
    expect(await call('jobs.print_job', [JID])).toMatchObject({ [JID]: shown })
    expect(await call('jobs.lookup_jid', [JID])).toEqual({ web1: 'fine', web2: 'no' })
    expect(await call('jobs.lookup_jid', [JID], { returned: false, missing: true })).toEqual({})
    expect(await call('jobs.exit_success', [JID])).toEqual({ web1: true, web2: false })
  })

  it('is shown with returns larger than a message in place', async () => {
    const payload = { name: JID, parts: 2, size: 2_000_000, sha256: '' }
    const large = madeJob(JID, { web1: 'returned' }, { returns: { web1: { ...good(null), payload } } })
    const { call } = worker([large])
    const shown = { return: '2000000 bytes', retcode: 0, success: true }
    expect(await call('jobs.lookup_jid', [JID])).toEqual({ web1: '2000000 bytes' })
    expect(await call('jobs.list_job', [JID])).toMatchObject({ Result: { web1: shown } })
    expect(await call('jobs.print_job', [JID])).toMatchObject({ [JID]: { Result: { web1: shown } } })
    expect(await call('jobs.last_run')).toMatchObject({ [JID]: { Result: { web1: shown } } })
  })

  it('that nobody knows says so as Salt does', async () => {
    const { call } = worker([])
    const nothing = {
      Error: 'Cannot contact returner or no job with this jid',
      StartTime: '2020, Jan 01 00:00:00.000000',
      Result: {},
    }
    expect(await call('jobs.list_job', [UNKNOWN])).toEqual({ jid: UNKNOWN, ...nothing })
    expect(await call('jobs.print_job', [UNKNOWN])).toEqual({ [UNKNOWN]: nothing })
    expect(await call('jobs.lookup_jid', [UNKNOWN])).toEqual({})
    expect(await call('jobs.exit_success', [UNKNOWN])).toEqual({})
  })

  it.each(['list_job', 'print_job', 'lookup_jid', 'exit_success', 'kill', 'retry'])(
    'is refused by jobs.%s under what is no jid',
    async name => {
      const { call } = worker([])
      for (const text of ['nonsense', '2026112009184364418', '20261320091843644180', '20261120256143644180'])
        await expect(call(`jobs.${name}`, [text])).rejects.toThrow(`'${text}' is no jid`)
    },
  )

  it('is the last that ran, or false', async () => {
    const { call, asked } = worker([ended, madeJob('20261120080000000000', {})])
    expect(await call('jobs.last_run', [], { function: 'cmd.*', target: 'web*' })).toMatchObject({
      [JID]: { Function: 'cmd.run', Result: { web1: { return: 'fine' } } },
    })
    expect(asked).toEqual([{ kind: 'local', fun: ['cmd.*'], tgt: ['web*'], limit: 1 }])
    expect(await worker([]).call('jobs.last_run')).toBe(false)
  })

  it('of the master that runs now is listed, but not the one that asks', async () => {
    const own = madeJob('20260101000000000000', { _jobs: 'running' }, { kind: 'runner', fun: 'jobs.master' })
    const wheel = madeJob(JID, { _master: 'running' }, { kind: 'wheel', fun: 'config.values', user: 'eve' })
    expect(await worker([own, wheel, ended]).call('jobs.master')).toEqual([
      { fun: 'wheel.config.values', jid: JID, user: 'eve', fun_args: [], _stamp: '2026-11-20T09:18:43.644180' },
    ])
  })
})

describe('jobs.kill', () => {
  const jid = createJidSource()()
  const open = madeJob(jid, { a: 'running', b: 'accepted', c: 'running', d: 'running', e: 'offline', f: 'returned' })

  it('says for each minion what happened', async () => {
    const { call, gathered, forgotten } = worker([open], {
      minions: { a: 'Signal 15 sent', b: 'silent', c: new Error('it stops') },
    })
    expect(await call('jobs.kill', [jid, 'TERM'])).toEqual({
      a: 'Signal 15 sent',
      b: 'no answer within 5 seconds',
      c: 'not reached: it stops',
      d: 'not reached: the minion is offline, and the job may go on there',
      e: 'the minion is offline; the job does not start there any more',
    })
    expect(forgotten).toEqual([jid])
    expect(gathered).toEqual([
      [{ fun: 'saltutil.term_job', arg: [jid], tgt: ['a', 'b', 'c', 'd', 'e'], tgt_type: 'list', timeout: 5 }, 5000],
    ])
  })

  it('leaves it to the minions that are away where the signal does not end it', async () => {
    const { call, forgotten } = worker([open], { minions: { a: 'Signal 1 sent' } })
    expect(await call('jobs.kill', [jid, 'HUP'])).toMatchObject({
      e: 'not reached: the minion is offline; the job starts there if it is back before its deadline',
    })
    expect(forgotten).toEqual([])
  })

  it('reaches a job that the cache does not have yet', async () => {
    const record = { jid, kind: 'local', minions: ['a'], fun: 'cmd.run' } as JobRecord
    const { call, gathered } = worker([], { minions: { a: 'done' }, record })
    expect(await call('jobs.kill', [jid])).toEqual({ a: 'done' })
    expect(gathered[0]![0]).toMatchObject({ fun: 'saltutil.kill_job', arg: [jid] })
  })

  it('says that there is nothing to end', async () => {
    const { call, gathered } = worker([ended, madeJob(UNKNOWN, { _jobs: 'running' }, { kind: 'runner', fun: 'x.y' })])
    await expect(call('jobs.kill', [JID])).rejects.toMatchObject({
      code: 'function_failed',
      message: `job ${JID} has ended on all its minions (1 returned, 1 failed): nothing to end`,
    })
    await expect(call('jobs.kill', ['20210101000000000000'])).rejects.toThrow('there is no job 20210101000000000000')
    await expect(call('jobs.kill', [UNKNOWN])).rejects.toThrow(
      `job ${UNKNOWN} is the runner function x.y: only jobs on minions can be ended`,
    )
    await expect(call('jobs.kill', [JID, 'NOSUCH'])).rejects.toThrow("'NOSUCH' is not a signal")
    expect(gathered).toEqual([])
  })
})

describe('jobs.retry', () => {
  const job = madeJob(
    JID,
    { web1: 'returned', web2: 'failed', db1: 'offline', gone: 'died' },
    { fun: 'cmd.run', arg: ['x', { __kwarg__: true, cwd: '/' }], metadata: { why: 'deploy' } },
  )

  it('starts a new job where it failed, which names the old one', async () => {
    const { call, published } = worker([job])
    expect(await call('jobs.retry', [JID])).toEqual({
      jid: '20261120100000000000',
      minions: ['db1', 'web2'],
      comment: `retries ${JID}; no longer known: gone`,
    })
    expect(published).toEqual([
      {
        tgt: ['db1', 'gone', 'web2'],
        tgt_type: 'list',
        fun: 'cmd.run',
        arg: ['x'],
        kwarg: { cwd: '/' },
        metadata: { why: 'deploy', retry_of: JID },
      },
    ])
  })

  it('takes the arguments from the record, secrets and all, and its own times', async () => {
    const record = { jid: JID, arg: ['x'], kwarg: { password: 's' } } as unknown as JobRecord
    const secret = madeJob(JID, { web2: 'failed' }, { arg: ['x', { __kwarg__: true, password: '[redacted]' }] })
    const { call, published } = worker([secret], { record })
    await call('jobs.retry', [JID, 'web*', false, 10, 60])
    expect(published[0]).toMatchObject({ kwarg: { password: 's' }, timeout: 10, run_timeout: 60 })
    const later = worker([secret])
    await expect(later.call('jobs.retry', [JID])).rejects.toThrow('its arguments held secrets')
    expect(later.published).toEqual([])
  })

  it('gives the returns to the returners of the old one, and not to others where their settings are gone', async () => {
    const returning = { ret: 'mysql', ret_config: 'other' }
    const { call, published } = worker([madeJob(JID, { web2: 'failed' }, returning)])
    await call('jobs.retry', [JID])
    expect(published[0]).toMatchObject(returning)
    const own = worker([madeJob(JID, { web2: 'failed' }, { ...returning, ret_kwargs: { db: '[redacted]' } })])
    await expect(own.call('jobs.retry', [JID])).rejects.toThrow(
      'settings of its own for its returners (ret_kwargs: db)',
    )
    expect(own.published).toEqual([])
  })

  it('says that there is nothing to retry', async () => {
    const { call, published } = worker([job, madeJob(UNKNOWN, { _master: 'failed' }, { kind: 'wheel', fun: 'x.y' })])
    expect(await call('jobs.retry', [JID, 'web1'])).toEqual({
      jid: null,
      minions: [],
      comment: 'nothing to retry among web1: 1 offline, 1 returned, 1 failed, 1 died',
    })
    await expect(call('jobs.retry', [JID, 'web*,ghost'])).rejects.toThrow(
      `job ${JID} was not for ghost: it was for web1, web2, db1, gone`,
    )
    await expect(call('jobs.retry', [UNKNOWN])).rejects.toThrow('only jobs on minions can be retried')
    await expect(call('jobs.retry', ['20210101000000000000'])).rejects.toThrow('there is no job 20210101000000000000')
    expect(published).toEqual([])
  })
})
