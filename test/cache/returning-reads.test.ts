// Jobs as history gives them, from the job cache and the stores of returners together.
import { headers as createHeaders } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import { requestJson } from '../../src/bus/request.ts'
import { createJobCache, readJobs } from '../../src/cache/client.ts'
import { openOthers } from '../../src/cache/returning/open-others.ts'
import { mergePages } from '../../src/cache/returning/with-others.ts'
import { serveHistory } from '../../src/cache/service.ts'
import type { JobAnswer } from '../../src/cache/wait.ts'
import { createOverflow } from '../../src/payload/overflow.ts'
import { openPayloadStore } from '../../src/payload/store.ts'
import type { JobSummary, JobsPage, JobsRequest } from '../../src/protocol/job-view.ts'
import type { JobLoad, StoredReturn } from '../../src/protocol/returned.ts'
import { NO_GRANTS } from '../../src/protocol/role.ts'
import { keptAudit, openAuthority } from '../helpers/authority.ts'
import { openCore } from '../helpers/core.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { openDecisions } from './decisions/made.ts'
import { jidOf, MiB, newJob, openStore, returned, sentJob, T0 } from './jobs.ts'
import { memoryStore, storesOf } from './returning-store.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const HOUR = 3_600_000
const loadOf = (n: number, more: Partial<JobLoad> = {}): JobLoad => ({
  ...{ jid: jidOf(n), cmd: 'publish', fun: 'test.ping', arg: [], kwargs: {}, tgt: '*', tgt_type: 'glob', ret: '' },
  ...{ user: 'root', minions: ['m1'] },
  ...more,
})
const returnOf = (n: number, id = 'm1', more: Partial<StoredReturn> = {}): StoredReturn => ({
  ...{ jid: jidOf(n), id, fun: 'test.ping', fun_args: [], return: 'stored', retcode: 0, success: true, cmd: '_return' },
  _stamp: '2026-11-21T00:00:01.500000',
  ...more,
})

/** `masterJobCache`: the store `mysql`; beside it `redis` can be asked for. */
async function open(masterJobCache = 'mysql') {
  const { nc, ns, subjects } = await openCore(server)
  const store = await openStore()
  const payloads = await openPayloadStore(nc, ns, { keepMs: HOUR, maxBytes: 64 * MiB, replicas: 1 })
  const [mysql, redis] = [memoryStore(), memoryStore()]
  const others = await openOthers(masterJobCache, storesOf({ mysql, redis }), {
    jobTimeoutMs: HOUR,
    runTimeoutMs: HOUR,
  })
  const { audit, records } = keptAudit()
  const served = await serveHistory({
    ...{ nc, subjects, store, payloads, others, log: silentLog },
    decisions: await openDecisions(),
    overflow: createOverflow(payloads),
    authority: openAuthority({ grants: { ann: NO_GRANTS }, audit }),
    clock: { now: () => T0 + 1000, sleep: () => Promise.resolve() },
  })
  onTestFinished(() => served.stop())
  const said: string[] = []
  const cache = createJobCache(nc, subjects, reason => said.push(reason))
  return {
    ...{ store, mysql, redis, said, cache, records },
    list: async (request: JobsRequest = {}, limit = 1000) =>
      (await readJobs(cache, request, limit)).jobs.map(jidNumber),
    ask: <T>(user: string, subject: string, body: unknown) => {
      const headers = createHeaders()
      headers.set('Nats-Request-Info', JSON.stringify({ acc: 'OPS', user }))
      return requestJson<T>(nc, subject, body, { timeoutMs: 10_000, headers, what: 'test' })
    },
    subjects,
  }
}
const jidNumber = ({ jid }: { jid: string }): number => Number(jid.slice(8))

describe('one job', () => {
  it('is read from the store where the job cache has it no more', async () => {
    const { mysql, cache, said } = await open()
    const load = loadOf(1, {
      fun: 'cmd.run',
      minions: ['m1', 'm2', 'm3'],
      kwargs: { metadata: { ticket: 1 }, ret_config: 'o' },
      ret: 'redis',
    })
    await mysql.store.save_load([load])
    await mysql.store.returner([returnOf(1), returnOf(1, 'm2', { success: false, retcode: 3 })])
    expect(await cache.job(jidOf(1))).toMatchObject({
      ...{ jid: jidOf(1), kind: 'local', fun: 'cmd.run', user: 'root', metadata: { ticket: 1 }, start: T0 },
      ...{ ret: 'redis', ret_config: 'o' },
      states: { m1: 'returned', m2: 'failed', m3: 'running' },
      counts: { returned: 1, failed: 1, running: 1 },
      returns: { m1: { return: 'stored', at: T0 + 1500 }, m2: { retcode: 3, success: false } },
    })
    expect(await cache.job(jidOf(2))).toBeNull()
    expect(said).toEqual([])
  })

  it('is filled up with the returns that the job cache has not, and its own stand', async () => {
    const { store, mysql, cache } = await open()
    await store.add(newJob(1, { minions: ['m1', 'm2'] }), sentJob(1, { offline: ['m2'] }), returned(1))
    await mysql.store.save_load([loadOf(1, { minions: ['m1', 'm2'] })])
    await mysql.store.returner([returnOf(1, 'm1'), returnOf(1, 'm2')])
    expect(await cache.job(jidOf(1))).toMatchObject({
      ...{ states: { m1: 'returned', m2: 'returned' }, counts: { returned: 2 }, active: false },
      returns: { m1: { return: true }, m2: { return: 'stored' } },
    })
  })

  it('is known from the store where the job cache was told of its returns alone', async () => {
    const { store, mysql, cache } = await open()
    await store.add(returned(1))
    await mysql.store.save_load([loadOf(1, { fun: 'cmd.run', minions: ['m1', 'm2'] })])
    expect(await cache.job(jidOf(1))).toMatchObject({
      ...{ fun: 'cmd.run', minions: ['m1', 'm2'], states: { m1: 'returned', m2: 'running' } },
      returns: { m1: { return: true } },
    })
  })

  it('that is whole, or waited for, is no question to the store', async () => {
    const { store, mysql, cache, said } = await open()
    mysql.goDown()
    await store.add(newJob(1), sentJob(1), returned(1), newJob(2))
    expect(await cache.job(jidOf(1))).not.toBeNull()
    expect((await cache.changed(jidOf(2), 0.1)).job).not.toBeNull()
    expect(said).toEqual([])
  })

  it('is what the job cache has, and says so once, while the store is down', async () => {
    const { store, mysql, cache, said } = await open()
    mysql.goDown()
    await store.add(newJob(1))
    expect(await cache.job(jidOf(1))).toMatchObject({ jid: jidOf(1), states: { m1: 'offline' } })
    expect(await cache.job(jidOf(2))).toBeNull()
    expect(said).toEqual(["what the master_job_cache 'mysql' has is missing: the database is away"])
  })
})

describe('lists of jobs', () => {
  it('have each job once, newest first, over pages', async () => {
    const { store, mysql, cache, list } = await open()
    for (const n of [4, 5, 6]) await store.add(newJob(n), sentJob(n), returned(n))
    await mysql.store.save_load([1, 2, 3, 4, 6].map(n => loadOf(n)))
    expect(await list()).toEqual([6, 5, 4, 3, 2, 1])
    expect(await list({}, 4)).toEqual([6, 5, 4, 3])
    for (const limit of [1, 2, 3]) {
      const seen: number[] = []
      for (let before: string | undefined; ; ) {
        const page = await cache.jobs({ limit, ...(before === undefined ? {} : { before }) })
        seen.push(...page.jobs.map(jidNumber))
        before = page.jobs.at(-1)?.jid
        if (!page.more) break
      }
      expect(seen, `pages of ${limit}`).toEqual([6, 5, 4, 3, 2, 1])
    }
    const { jobs } = await cache.jobs({})
    expect(jobs.map(job => job.stored_in)).toEqual([undefined, undefined, undefined, 'mysql', 'mysql', 'mysql'])
  })

  it('hold what is asked of them to the store too', async () => {
    const { mysql, list } = await open()
    await mysql.store.save_load([
      loadOf(1_000_000, {
        fun: 'cmd.run',
        tgt: ['web1', 'web2'],
        tgt_type: 'list',
        kwargs: { metadata: { a: 1, b: 2 } },
      }),
      loadOf(2_000_000, { fun: 'saltutil.find_job', user: 'ann' }),
      loadOf(3_000_000, { fun: 'runner.test.arg', minions: ['_jobs'], tgt: '_jobs' }),
    ])
    expect(await list({ fun: 'cmd.*' })).toEqual([1_000_000])
    expect(await list({ tgt: 'web2' })).toEqual([1_000_000])
    expect(await list({ metadata: { a: 1 } })).toEqual([1_000_000])
    expect(await list({ metadata: { a: 2 } })).toEqual([])
    expect(await list({ user: 'ann' })).toEqual([2_000_000])
    expect(await list({ without_find_job: true })).toEqual([3_000_000, 1_000_000])
    expect(await list({ kind: 'runner' })).toEqual([3_000_000])
    expect(await list({ kind: 'local' })).toEqual([2_000_000, 1_000_000])
    expect(await list({ since: T0 + 1500 })).toEqual([3_000_000, 2_000_000])
    expect(await list({ until: T0 + 2000 })).toEqual([2_000_000, 1_000_000])
    expect(await list({ active: true })).toEqual([])
  })

  it('are what the job cache has, and say so, while the store is down', async () => {
    const { store, mysql, cache } = await open()
    await store.add(newJob(1))
    mysql.goDown()
    const page = await readJobs(cache, {}, 10)
    expect(page).toMatchObject({ jobs: [{ jid: jidOf(1) }], more: false })
    expect(page.incomplete).toMatch(/'mysql' has is missing: the database is away/)
  })

  it('leave to the next page what a source may have more of', () => {
    const job = (n: number) => ({ jid: jidOf(n), tgt: '*', user: 'root' }) as unknown as JobSummary
    const local: JobsPage = { jobs: [job(9), job(5)], more: true }
    const numbers = (page: JobsPage) => page.jobs.map(jidNumber)
    const merged = mergePages(local, { jobs: [job(8), job(4)] }, 10, MiB)
    expect([numbers(merged), merged.more]).toEqual([[9, 8, 5], true])
    const scanned = mergePages({ jobs: [job(9), job(2)], more: false }, { jobs: [], upTo: jidOf(6) }, 10, MiB)
    expect([numbers(scanned), scanned.more]).toEqual([[9], true])
    const nothing = mergePages({ jobs: [job(2)], more: false }, { jobs: [], upTo: jidOf(6) }, 10, MiB)
    expect(nothing).toMatchObject({ jobs: [{ jid: jidOf(2) }], incomplete: expect.stringMatching(/narrow the search/) })
  })
})

describe('ext_source', () => {
  it('asks that store alone, or the job cache alone', async () => {
    const { store, mysql, redis, cache, list } = await open()
    await store.add(newJob(1), sentJob(1), returned(1))
    await mysql.store.save_load([loadOf(2)])
    await redis.store.save_load([loadOf(3)])
    await redis.store.returner([returnOf(3)])
    expect(await list()).toEqual([2, 1])
    expect(await list({ ext_source: 'redis' })).toEqual([3])
    expect(await list({ ext_source: 'mysql' })).toEqual([2])
    expect(await list({ ext_source: 'local' })).toEqual([1])
    expect(await cache.job(jidOf(3))).toBeNull()
    expect(await cache.job(jidOf(3), 'redis')).toMatchObject({ returns: { m1: { return: 'stored' } } })
    expect(await cache.job(jidOf(1), 'mysql')).toBeNull()
    expect(await cache.job(jidOf(2), 'local')).toBeNull()
  })

  it('works where the master has no other cache, and says what is wrong with a store', async () => {
    const { redis, cache } = await open('local')
    await redis.store.save_load([loadOf(3)])
    expect(await cache.job(jidOf(3), 'redis')).toMatchObject({ jid: jidOf(3) })
    expect(await cache.job(jidOf(3))).toBeNull()
    redis.goDown()
    await expect(cache.job(jidOf(3), 'redis')).rejects.toMatchObject({
      code: 'unreachable',
      message: "the store of 'redis' cannot be read: the database is away",
    })
  })
})

it('shows operators no jobs of others, from whichever store, who may see their own alone', async () => {
  const { mysql, redis, ask, subjects, records } = await open()
  await mysql.store.save_load([loadOf(1), loadOf(2, { user: 'ann' })])
  await redis.store.save_load([loadOf(3), loadOf(4, { user: 'ann' })])
  const job = async (n: number, more = {}) =>
    (await ask<JobAnswer>('ann', subjects.historyJob, { jid: jidOf(n), ...more })).job?.jid
  expect(await Promise.all([job(1), job(2)])).toEqual([undefined, jidOf(2)])
  const other = { ext_source: 'redis' }
  expect(await Promise.all([job(3, other), job(4, other)])).toEqual([undefined, jidOf(4)])
  expect(records.items).toHaveLength(2)
  const jobs = async (request: JobsRequest) =>
    (await ask<JobsPage>('ann', subjects.historyJobs, request)).jobs.map(jidNumber)
  expect(await Promise.all([jobs({}), jobs(other)])).toEqual([[2], [4]])
})
