import { jetstreamManager } from '@nats-io/jetstream'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { openDatabase } from '../../src/base/sqlite.ts'
import { createFire } from '../../src/bus/fire.ts'
import type { Fact } from '../../src/cache/facts.ts'
import { sqliteFailure } from '../../src/cache/sqlite-store.ts'
import type { JobStore } from '../../src/cache/store.ts'
import { MIGRATIONS } from '../../src/cache/tables.ts'
import { startCacheWorker } from '../../src/cache/worker.ts'
import { minionOrigin, type Origin, serviceOrigin } from '../../src/protocol/origin.ts'
import { cacheConsumer, streamNames } from '../../src/protocol/streams.ts'
import { keptLog, openCore } from '../helpers/core.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { createSeen, within } from '../helpers/wait.ts'
import { jidOf, MiB, openStore } from './jobs.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const HOUR = 3_600_000
const announced = (n: number, minions: string[]) => ({
  ...{ jid: jidOf(n), tgt: '*', tgt_type: 'glob', fun: 'test.ping', arg: [], minions, missing: [], user: 'root' },
  ...{ deadline: Date.now() + HOUR, run_until: Date.now() + HOUR },
})
const given = (n: number, id: string, more: Record<string, unknown> = {}) => ({
  ...{ jid: jidOf(n), id, fun: 'test.ping', fun_args: [], return: true, retcode: 0, success: true, cmd: '_return' },
  ...more,
})

/** A store whose commits a test can see and can make fail. */
function watched(store: JobStore) {
  const commits = createSeen<Fact[]>()
  let failure: ((facts: readonly Fact[]) => Error | undefined) | undefined
  const watching: JobStore = {
    ...store,
    async commit(facts) {
      const error = failure?.(facts.map(({ fact }) => fact))
      if (error) throw error
      await store.commit(facts)
      commits.push(facts.map(({ fact }) => fact))
    },
  }
  return {
    watching,
    commits,
    failWith(make: typeof failure) {
      failure = make
    },
  }
}

async function open() {
  const core = await openCore(server)
  const store = await openStore()
  const watch = watched(store)
  const { log, lines } = keptLog()
  const start = async () => {
    const worker = await startCacheWorker({
      ...{ nc: core.nc, subjects: core.subjects, store: watch.watching, readFailure: sqliteFailure, log },
      ...{ keepMs: 24 * HOUR, jobTimeoutMs: HOUR, runTimeoutMs: HOUR, clock: systemClock },
    })
    onTestFinished(() => worker.stop())
    return worker
  }
  const fireAs = (origin: Origin) => createFire(core.publisher, core.subjects, origin)
  const jsm = await jetstreamManager(core.nc, { checkAPI: false })
  return {
    ...core,
    ...watch,
    store,
    lines,
    start,
    jobs: fireAs(serviceOrigin('_jobs')),
    as: (id: string) => fireAs(minionOrigin(id)),
    job: (n: number) => store.job(jidOf(n), Date.now()),
    /** Events that the worker has not acked. */
    async left() {
      await core.nc.flush()
      const info = await jsm.consumers.info(streamNames(core.ns).events, cacheConsumer(core.ns).durable_name)
      return info.num_pending + info.num_ack_pending
    },
    committed: (jid: string, what: Fact['what']) =>
      watch.commits.find(facts => facts.some(fact => fact.jid === jid && fact.what === what), `${what} of ${jid}`),
  }
}

describe('the cache worker', () => {
  it('keeps what events say of jobs, those from before its start too', async () => {
    const { start, jobs, as, job, committed } = await open()
    await jobs(`salt/job/${jidOf(1)}/new`, announced(1, ['m1', 'm2', 'm3']), { cause: 'e1' })
    await start()
    await jobs(`salt/job/${jidOf(1)}/sent`, { jid: jidOf(1), offline: [], refused: {}, waiting: ['m2', 'm3'] })
    await as('m1')(`salt/job/${jidOf(1)}/ret/m1`, given(1, 'm1'))
    await as('m3')(`salt/job/${jidOf(1)}/prog/m3/start`, { jid: jidOf(1), id: 'm3', fun: 'test.ping' })
    await committed(jidOf(1), 'started')
    expect(await job(1)).toMatchObject({
      ...{ cause: 'e1', states: { m1: 'returned', m2: 'accepted', m3: 'running' }, active: true },
      returns: { m1: { return: true, retcode: 0, success: true } },
    })
  })

  it('keeps runner and wheel functions', async () => {
    const { start, jobs, job, committed } = await open()
    await start()
    const fun = { fun: 'runner.test.arg', jid: jidOf(1), user: 'root', fun_args: [1] }
    const times = { deadline: Date.now() + HOUR, run_until: Date.now() + HOUR }
    await jobs(`salt/run/${jidOf(1)}/new`, { ...fun, ...times })
    await jobs(`salt/wheel/${jidOf(2)}/new`, { ...fun, ...times, jid: jidOf(2), fun: 'wheel.key.list' })
    await committed(jidOf(2), 'new')
    expect(await job(1)).toMatchObject({ kind: 'runner', states: { _jobs: 'running' }, active: true, arg: [1] })
    await jobs(`salt/run/${jidOf(1)}/ret`, { ...fun, return: { a: 1 }, success: true })
    await jobs(`salt/wheel/${jidOf(2)}/ret`, { ...fun, jid: jidOf(2), return: 'no', success: false })
    await committed(jidOf(2), 'return')
    expect(await job(1)).toMatchObject({ states: { _jobs: 'returned' }, returns: { _jobs: { return: { a: 1 } } } })
    expect(await job(2)).toMatchObject({ kind: 'wheel', states: { _master: 'failed' }, active: false })
  })

  it('acks all other events, and what it does not believe with a word', async () => {
    const { start, jobs, as, job, committed, lines, left } = await open()
    await start()
    for (let n = 0; n < 50; n++) await as('m1')('my/own/tag', { n })
    await as('m2')(`salt/job/${jidOf(1)}/ret/m1`, given(1, 'm1', { return: 'forged' }))
    await as('m2')(`salt/job/${jidOf(1)}/new`, announced(1, ['m2']))
    await jobs(`salt/job/${jidOf(1)}/new`, announced(1, ['m1']))
    await committed(jidOf(1), 'new')
    expect(await job(1)).toMatchObject({ minions: ['m1'], returns: {} })
    await lines.find(
      ({ problem }) => /only the minion itself is believed on its return/.test(String(problem)),
      'a word',
    )
    await lines.find(({ problem }) => /only services are believed on it/.test(String(problem)), 'a word')
    expect(await left()).toBe(0)
  })

  it('passes over a return that is not to be kept', async () => {
    const { start, as, job, committed, left } = await open()
    await start()
    await as('m1')(`salt/job/${jidOf(1)}/ret/m1`, given(1, 'm1', { schedule: 'job3', nocache: true }))
    await as('m1')(`salt/job/${jidOf(2)}/ret/m1`, given(2, 'm1', { schedule: 'job3' }))
    await committed(jidOf(2), 'return')
    expect(await job(1)).toBeNull()
    expect(await left()).toBe(0)
  })

  it('keeps a return that cannot be read as a failed one that says why', async () => {
    const { start, subjects, publisher, job, committed } = await open()
    await start()
    await publisher.publish(subjects.event(minionOrigin('m1'), `salt/job/${jidOf(1)}/ret/m1`), '{"data": oops')
    await committed(jidOf(1), 'return')
    expect(await job(1)).toMatchObject({
      states: { m1: 'failed' },
      returns: {
        m1: { success: false, retcode: 1, return: expect.stringMatching(/^The return of m1 cannot be read: /) },
      },
    })
  })

  it('acks after the commit: what is not committed comes again, once the store takes it', async () => {
    const { start, jobs, job, lines, left, failWith, committed } = await open()
    const full = () => Object.assign(sqliteError(), { code: 'SQLITE_FULL' })
    failWith(full)
    await start()
    for (let n = 0; n < 20; n++) await jobs(`salt/job/${jidOf(n)}/new`, announced(n, ['m1']))
    await lines.find(({ msg }) => msg.startsWith('the job cache takes no facts'), 'a word of the failure')
    expect(await left()).toBe(20)
    failWith(undefined)
    await Promise.all(Array.from({ length: 20 }, (_, n) => committed(jidOf(n), 'new')))
    for (let n = 0; n < 20; n++) expect(await job(n)).toMatchObject({ minions: ['m1'] })
    await lines.find(({ msg }) => msg === 'the job cache takes facts again', 'a word of the recovery')
    expect(lines.items.filter(({ msg }) => msg.startsWith('the job cache takes no facts'))).toHaveLength(1)
    expect(await left()).toBe(0)
  })

  it('does not have others wait for a fact that cannot be stored', async () => {
    const { start, jobs, as, job, left, lines, failWith, committed } = await open()
    failWith(facts => (facts.some(fact => fact.what === 'return') ? new Error('a defect') : undefined))
    await as('m1')(`salt/job/${jidOf(1)}/ret/m1`, given(1, 'm1'))
    for (let n = 0; n < 20; n++) await jobs(`salt/job/${jidOf(n)}/new`, announced(n, ['m1']))
    await start()
    await Promise.all(Array.from({ length: 20 }, (_, n) => committed(jidOf(n), 'new')))
    expect(await lines.find(({ msg }) => msg.startsWith('a fact cannot be stored'), 'a word')).toMatchObject({
      ...{ jid: jidOf(1), minion: 'm1', problem: 'a defect' },
    })
    expect(await left()).toBe(1)
    failWith(undefined)
    await committed(jidOf(1), 'return')
    expect(await job(1)).toMatchObject({ states: { m1: 'returned' } })
  })

  it('waits for a store that another process has locked', async () => {
    const { start, jobs, job, store, lines, committed } = await open()
    const other = openDatabase(`${store.dir}/jobs.db`, { migrations: MIGRATIONS })
    onTestFinished(() => other.close())
    other.exec('BEGIN IMMEDIATE')
    await start()
    await jobs(`salt/job/${jidOf(1)}/new`, announced(1, ['m1']))
    await lines.find(({ problem }) => /database is locked/.test(String(problem)), 'a word of the lock')
    other.exec('COMMIT')
    await committed(jidOf(1), 'new')
    expect(await job(1)).toMatchObject({ minions: ['m1'] })
  })

  it('has committed all that it acked when it stops, and leaves the rest to its successor', async () => {
    const { start, as, job, committed, left } = await open()
    const first = await start()
    const minions = Array.from({ length: 300 }, (_, n) => `m${n}`)
    const giveAll = (ids: string[]) =>
      Promise.all(ids.map(id => as(id)(`salt/job/${jidOf(1)}/ret/${id}`, given(1, id))))
    await giveAll(minions.slice(0, 150))
    await within(first.stop(), 'the stop')
    const stored = Object.keys((await job(1))?.returns ?? {}).length
    expect(stored).toBe(150 - (await left()))
    await start()
    await giveAll(minions.slice(150))
    await as('last')(`salt/job/${jidOf(2)}/ret/last`, given(2, 'last'))
    await committed(jidOf(2), 'return')
    const ids = Object.keys((await job(1))!.returns)
    expect(minions.slice(150).filter(id => !ids.includes(id))).toEqual([])
  })

  it('keeps commits of large returns small', async () => {
    const { start, as, commits, committed } = await open()
    const value = 'x'.repeat(400_000)
    await Promise.all(
      Array.from({ length: 30 }, (_, n) =>
        as(`m${n}`)(`salt/job/${jidOf(1)}/ret/m${n}`, given(1, `m${n}`, { return: value })),
      ),
    )
    await as('last')(`salt/job/${jidOf(2)}/ret/last`, given(2, 'last'))
    await start()
    await committed(jidOf(2), 'return')
    const sizes = commits.items.map(facts => JSON.stringify(facts).length)
    expect(Math.max(...sizes)).toBeLessThan(2.1 * MiB)
    expect(sizes.length).toBeGreaterThan(5)
  })
})

/** An error of SQLite, as libsql throws it. */
function sqliteError(): Error {
  const db = openDatabase(':memory:', { migrations: MIGRATIONS })
  try {
    db.exec('select nothing from nowhere')
  } catch (error) {
    return error as Error
  } finally {
    db.close()
  }
  throw new Error('SQLite took nonsense')
}
