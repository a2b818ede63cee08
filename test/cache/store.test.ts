import { rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import { openDatabase } from '../../src/base/sqlite.ts'
import type { Fact } from '../../src/cache/facts.ts'
import { openSqliteStore } from '../../src/cache/sqlite-store.ts'
import { MIGRATIONS } from '../../src/cache/tables.ts'
import type { JobsRequest } from '../../src/protocol/job-view.ts'
import { keptLog } from '../helpers/core.ts'
import { testFolder } from '../helpers/folder.ts'
import { jidOf, MiB, newJob, openStore, returned, sentJob, started, T0 } from './jobs.ts'

const LATER = T0 + 1000
const HOUR = 3_600_000

describe('the file of the job cache', () => {
  it.each<[string, (file: string) => Promise<void>]>([
    ['removed', file => rm(file)],
    [
      'moved away with its log',
      async file => {
        await rename(file, `${file}.old`)
        await rename(`${file}-wal`, `${file}.old-wal`)
      },
    ],
    ['removed with its folder', file => rm(dirname(file), { recursive: true })],
  ])('that is %s while it is open is made anew, and takes what comes then', async (_how, spoil) => {
    const { log, lines } = keptLog()
    const dir = join(await testFolder(), 'cache')
    const store = await openStore({ dir, log })
    await store.add(newJob(1))
    await spoil(join(dir, 'jobs.db'))
    await store.add(newJob(2))
    expect(await store.job(jidOf(1), LATER)).toBeNull()
    expect(lines.items).toContainEqual(
      expect.objectContaining({ msg: expect.stringContaining('was moved or removed') }),
    )
    store.close()
    const again = await openStore({ dir })
    expect(await again.job(jidOf(2), LATER)).toMatchObject({ jid: jidOf(2) })
  })
})

describe('a job in the cache', () => {
  it('is shown with the state of each of its minions, and their returns', async () => {
    const store = await openStore()
    const minions = ['away', 'busy', 'done', 'no', 'run', 'sad', 'gone']
    await store.add(
      newJob(1, { minions, arg: [1], metadata: { a: 1 }, cause: 'e1', missing: ['m9'] }),
      sentJob(1, { offline: ['away'], refused: { no: 'not my job' }, waiting: ['busy'] }),
      returned(1, 'done', { return: { deep: [1, null, 'ü'] } }),
      returned(1, 'sad', { return: 'oh', retcode: 3, success: false }),
      returned(1, 'gone', { return: 'died', retcode: 1, success: false, outcome: 'died' }),
    )
    expect(await store.job(jidOf(1), LATER)).toEqual({
      ...{ jid: jidOf(1), kind: 'local', fun: 'test.ping', arg: [1], tgt: '*', tgt_type: 'glob', user: 'root' },
      ...{ start: T0 + 1, deadline: T0 + 1 + HOUR, run_until: T0 + 1 + 2 * HOUR, cause: 'e1', metadata: { a: 1 } },
      ...{ minions, missing: ['m9'], active: true },
      counts: { offline: 1, accepted: 1, returned: 1, failed: 2, running: 1, died: 1 },
      states: {
        ...{ away: 'offline', busy: 'accepted', done: 'returned', no: 'failed', run: 'running', sad: 'failed' },
        gone: 'died',
      },
      reasons: { no: 'not my job' },
      returns: {
        done: { return: { deep: [1, null, 'ü'] }, retcode: 0, success: true, at: T0 + 4 },
        sad: { return: 'oh', retcode: 3, success: false, at: T0 + 4 },
        gone: { return: 'died', retcode: 1, success: false, outcome: 'died', at: T0 + 4 },
      },
    })
  })

  it('has the returners that it was sent with, in lists too', async () => {
    const store = await openStore()
    const returning = { ret: 'mysql', ret_config: 'other', ret_kwargs: { db: '[redacted]' } }
    await store.add(newJob(1, returning))
    expect(await store.job(jidOf(1), LATER)).toMatchObject(returning)
    expect((await store.jobs({}, LATER, MiB)).jobs).toMatchObject([returning])
  })

  it('is null where nothing was heard of it', async () => {
    expect(await (await openStore()).job(jidOf(1), LATER)).toBeNull()
  })

  it('has another state when its times are over, with no further fact', async () => {
    const store = await openStore()
    await store.add(
      newJob(1, { minions: ['away', 'busy', 'run'] }),
      sentJob(1, { offline: ['away'], waiting: ['busy'] }),
    )
    const states = async (now: number) => {
      const { states: of, active } = (await store.job(jidOf(1), now))!
      return { ...of, active }
    }
    expect(await states(LATER)).toEqual({ away: 'offline', busy: 'accepted', run: 'running', active: true })
    expect(await states(LATER + HOUR)).toEqual({ away: 'offline', busy: 'timed_out', run: 'running', active: true })
    expect(await states(LATER + 2 * HOUR)).toEqual({
      away: 'offline',
      busy: 'timed_out',
      run: 'timed_out',
      active: false,
    })
    await store.add(returned(1, 'run'))
    expect(await states(LATER + 2 * HOUR)).toMatchObject({ run: 'returned' })
  })

  it('that was not announced is shown as the minion’s own, and as what it is once it is', async () => {
    const store = await openStore()
    await store.add(returned(1, 'm1', { fun: 'cmd.run', args: ['uptime'] }))
    expect(await store.job(jidOf(1), LATER)).toMatchObject({
      ...{
        fun: 'cmd.run',
        arg: ['uptime'],
        tgt: 'm1',
        tgt_type: 'glob',
        user: 'minion:m1',
        minions: ['m1'],
        states: { m1: 'returned' },
        counts: { returned: 1 },
        active: false,
        start: T0 + 4,
      },
      returns: { m1: { return: true } },
    })
    await store.add(newJob(1))
    expect(await store.job(jidOf(1), LATER)).toMatchObject({
      ...{ fun: 'test.ping', user: 'root', minions: ['m1'], start: T0 + 1 },
    })
  })

  it("that a minion's own schedule ran says of which entry, and is found by its metadata", async () => {
    const store = await openStore()
    await store.add(returned(1, 'm1', { schedule: 'job3', metadata: { team: 'ops' } }), returned(2, 'm1'))
    expect(await store.job(jidOf(1), LATER)).toMatchObject({ schedule: 'job3', metadata: { team: 'ops' } })
    expect(await store.job(jidOf(2), LATER)).not.toHaveProperty('schedule')
    const found = await store.jobs({ metadata: { team: 'ops' } }, LATER, MiB)
    expect(found.jobs.map(({ jid }) => jid)).toEqual([jidOf(1)])
    await store.add(newJob(1))
    expect(await store.job(jidOf(1), LATER)).not.toHaveProperty('schedule')
  })

  it('shows a minion that answered though nobody expected it', async () => {
    const store = await openStore()
    await store.add(newJob(1), sentJob(1), returned(1, 'm1'), returned(1, 'm7'))
    expect(await store.job(jidOf(1), LATER)).toMatchObject({
      ...{ minions: ['m1'], states: { m1: 'returned', m7: 'returned' }, active: false },
    })
  })

  it('keeps the first return of a minion', async () => {
    const store = await openStore()
    const [first, second] = [returned(1, 'm1', { return: 1 }), returned(1, 'm1', { return: 2, at: T0 + 5 })]
    await store.add(newJob(1), second, first, second)
    expect((await store.job(jidOf(1), LATER))!.returns.m1).toMatchObject({ return: 1, at: T0 + 4 })
  })

  it('counts a minion as reached that any worker reached, when two sent the job', async () => {
    const store = await openStore()
    await store.add(
      newJob(1, { minions: ['a', 'b', 'c', 'd'] }),
      sentJob(1, { offline: ['a', 'b', 'd'], refused: { c: 'full' } }),
      sentJob(1, { offline: ['d'], waiting: ['b'] }, T0 + 9),
    )
    expect((await store.job(jidOf(1), LATER))!.states).toEqual({
      a: 'running',
      b: 'accepted',
      c: 'running',
      d: 'offline',
    })
  })

  it('keeps names that JavaScript uses itself apart', async () => {
    const store = await openStore()
    const minions = ['__proto__', 'constructor']
    await store.add(newJob(1, { minions }), sentJob(1), returned(1, '__proto__'))
    const job = (await store.job(jidOf(1), LATER))!
    expect(Object.entries(job.states)).toEqual([
      ['__proto__', 'returned'],
      ['constructor', 'running'],
    ])
    expect(Object.keys(job.returns)).toEqual(['__proto__'])
  })

  it('has one outcome, in whatever order and however often its facts come', async () => {
    const all: Fact[] = [
      newJob(1, { minions: ['a', 'b', 'c', 'd', 'e'] }),
      sentJob(1, { offline: ['a', 'b'], refused: { c: 'full' }, waiting: ['d'] }),
      sentJob(1, { offline: ['a'], refused: { c: 'again' } }, T0 + 9),
      started(1, 'd'),
      returned(1, 'e', { return: 1 }),
      returned(1, 'e', { return: 2, at: T0 + 9 }),
      returned(1, 'x'),
      // Another under the same jid: the first counts.
      newJob(1, { minions: ['a'], fun: 'other.one', at: T0 + 9 }),
    ]
    const straight = await openStore()
    await straight.add(...all)
    const wanted = await straight.job(jidOf(1), LATER)
    expect(wanted!.states).toEqual({
      a: 'offline',
      b: 'running',
      c: 'failed',
      d: 'running',
      e: 'returned',
      x: 'returned',
    })
    const orders = fc.shuffledSubarray([...all.keys(), ...all.keys()], { minLength: all.length * 2 })
    const store = await openStore()
    let run = 1
    await fc.assert(
      fc.asyncProperty(orders, fc.integer({ min: 1, max: 5 }), async (order, size) => {
        run += 1
        const facts = order.map(at => ({ ...all[at]!, jid: jidOf(run) }))
        for (let from = 0; from < facts.length; from += size) await store.add(...facts.slice(from, from + size))
        expect(await store.job(jidOf(run), LATER)).toEqual({ ...wanted, jid: jidOf(run) })
        const page = await store.jobs({ active: true, limit: 1 }, LATER, MiB)
        expect(page.jobs[0]!.jid).toBe(jidOf(run))
      }),
      { numRuns: 60 },
    )
  })
})

describe('a search of the cache', () => {
  async function filled() {
    const store = await openStore()
    await store.add(
      newJob(1, { fun: 'test.ping', tgt: 'web*', metadata: { team: 'a', n: [1, { x: 1 }] } }),
      newJob(2, { fun: 'cmd.run', tgt: ['db1', 'db2'], tgt_type: 'list', metadata: { team: 'b' } }),
      newJob(3, { fun: 'saltutil.find_job' }),
      newJob(4, { kind: 'runner', fun: 'runner.jobs.active', tgt: '_jobs', minions: ['_jobs'] }),
      newJob(5, { kind: 'wheel', fun: 'wheel.key.list_all', tgt: '_master', minions: ['_master'] }),
      returned(6, 'm1', { fun: 'state.apply' }),
    )
    return async (request: JobsRequest) => {
      const page = await store.jobs(request, LATER, MiB)
      return page.jobs.map(({ jid }) => Number(jid.slice(8)))
    }
  }

  it.each<[string, JobsRequest, number[]]>([
    ['nothing: all, newest first', {}, [6, 5, 4, 3, 2, 1]],
    ['a function', { fun: 'cmd.run' }, [2]],
    ['globs of functions, one of which fits', { fun: ['test.*', '*.active'] }, [4, 1]],
    ['a function that is known from a return only', { fun: 'state.*' }, [6]],
    ['a target as it was written', { tgt: 'web[*]' }, [1]],
    ['a target of a list, by one id', { tgt: 'db2' }, [2]],
    ['a target of a list, as a whole', { tgt: 'db1,*' }, [2]],
    ['metadata', { metadata: { team: 'a' } }, [1]],
    ['metadata that goes deep', { metadata: { n: [1, { x: 1 }] } }, [1]],
    ['metadata of which one pair is not there', { metadata: { team: 'a', more: 1 } }, []],
    ['a kind', { kind: 'wheel' }, [5]],
    ['kinds', { kind: ['wheel', 'runner'] }, [5, 4]],
    ['the kind of what was not announced', { kind: 'local' }, [6, 3, 2, 1]],
    ['a time from which on', { since: T0 + 3 }, [6, 5, 4, 3]],
    ['a time up to which', { until: T0 + 3 }, [3, 2, 1]],
    ['all but find_job', { without_find_job: true }, [6, 5, 4, 2, 1]],
    ['a jid before which', { before: jidOf(3) }, [2, 1]],
    ['a number', { limit: 2 }, [6, 5]],
    ['several things, all of which must hold', { fun: '*.*', until: T0 + 2, tgt: 'db1' }, [2]],
  ])('by %s', async (_what, request, wanted) => {
    expect(await (await filled())(request)).toEqual(wanted)
  })

  it('says whether there is more, and goes on from there', async () => {
    const store = await openStore()
    await store.add(...Array.from({ length: 1201 }, (_, n) => newJob(n, { fun: n % 2 ? 'test.ping' : 'cmd.run' })))
    const first = await store.jobs({ fun: 'test.*', limit: 400 }, LATER, 16 * MiB)
    expect([first.jobs.length, first.more, first.jobs.at(-1)!.jid]).toEqual([400, true, jidOf(401)])
    const second = await store.jobs({ fun: 'test.*', before: jidOf(401) }, LATER, 16 * MiB)
    expect([second.jobs.length, second.more, second.jobs[0]!.jid]).toEqual([200, false, jidOf(399)])
    const all = await store.jobs({}, LATER, 16 * MiB)
    expect([all.jobs.length, all.more]).toEqual([1000, true])
    const exactly = await store.jobs({ limit: 1201, before: jidOf(1000) }, LATER, 16 * MiB)
    expect([exactly.jobs.length, exactly.more]).toEqual([1000, false])
  })

  it('ends a page where it would be too large, but never before its first job', async () => {
    const store = await openStore()
    const minions = Array.from({ length: 100 }, (_, n) => `minion-${n}`)
    await store.add(...Array.from({ length: 10 }, (_, n) => newJob(n, { minions })))
    const one = JSON.stringify((await store.jobs({ limit: 1 }, LATER, MiB)).jobs[0]).length
    expect((await store.jobs({}, LATER, one * 3.5)).jobs).toHaveLength(3)
    expect(await store.jobs({}, LATER, 10)).toMatchObject({ jobs: [{ jid: jidOf(9) }], more: true })
  })

  it('by what is active finds those that some minion may still answer, and no others', async () => {
    const store = await openStore()
    const minions = ['a', 'b']
    const jobs: Fact[][] = [
      [newJob(0, { minions })],
      [newJob(1, { minions }), sentJob(1)],
      [newJob(2, { minions }), sentJob(2), returned(2, 'a')],
      [newJob(3, { minions }), sentJob(3), returned(3, 'a'), returned(3, 'b')],
      [newJob(4, { minions }), sentJob(4, { offline: ['a'] }), returned(4, 'b')],
      [newJob(5, { minions }), sentJob(5, { refused: { a: 'no', b: 'no' } })],
      [newJob(6, { minions }), sentJob(6, { waiting: ['a'] }), returned(6, 'b')],
      [newJob(7, { minions }), sentJob(7, { waiting: ['a'] }), started(7, 'a'), returned(7, 'b')],
      // As many answers as are awaited, from another.
      [newJob(8, { minions }), sentJob(8), returned(8, 'a'), returned(8, 'x')],
      [newJob(9, { kind: 'runner', minions: ['_jobs'] })],
      [newJob(10, { kind: 'runner', minions: ['_jobs'] }), returned(10, '_jobs')],
    ]
    // Facts of a job in one commit, and each in its own.
    for (const facts of jobs) await store.add(...facts)
    for (const facts of jobs)
      for (const fact of facts) await store.add({ ...fact, jid: fact.jid.replace(/^20261121/, '20261122') })
    const active = async (now: number) => {
      const page = await store.jobs({ active: true }, now, MiB)
      for (const job of page.jobs) expect((await store.job(job.jid, now))!.active).toBe(true)
      const days = ['20261121', '20261122'].map(day =>
        page.jobs.filter(({ jid }) => jid.startsWith(day)).map(({ jid }) => Number(jid.slice(8))),
      )
      expect(days[0]).toEqual(days[1])
      return days[0]
    }
    expect(await active(LATER)).toEqual([9, 8, 7, 6, 4, 2, 1, 0])
    expect(await active(LATER + HOUR)).toEqual([9, 8, 7, 2, 1])
    expect(await active(LATER + 2 * HOUR)).toEqual([])
  })
})

describe('the file of the cache', () => {
  it('is read by another worker, and after a restart', async () => {
    const first = await openStore()
    const second = await openStore({ dir: first.dir })
    await first.add(newJob(1))
    await second.add(returned(1))
    expect(await first.job(jidOf(1), LATER)).toMatchObject({ states: { m1: 'returned' } })
    first.close()
    second.close()
    expect(await (await openStore({ dir: first.dir })).job(jidOf(1), LATER)).toMatchObject({
      states: { m1: 'returned' },
    })
  })

  it('of an older version keeps its jobs, and takes the returners of new ones', async () => {
    const dir = await testFolder()
    const older = openDatabase(join(dir, 'jobs.db'), { migrations: MIGRATIONS.slice(0, 1) })
    older
      .prepare(
        "insert into jobs(jid, at, start, kind, fun, minions) values (?, ?, ?, 'local', 'test.ping', '[\"m1\"]')",
      )
      .run(jidOf(1), T0, T0)
    older.close()
    const store = await openStore({ dir })
    await store.add(newJob(2, { ret: 'mysql' }), returned(1))
    expect(await store.job(jidOf(1), LATER)).toMatchObject({ fun: 'test.ping', states: { m1: 'returned' } })
    expect(await store.job(jidOf(2), LATER)).toMatchObject({ ret: 'mysql' })
  })

  it('that is damaged is refused with what to do', async () => {
    const dir = await testFolder()
    await writeFile(join(dir, 'jobs.db'), 'x'.repeat(10_000))
    await expect(openSqliteStore({ dir, maxBytes: 64 * MiB, log: silentLog })).rejects.toMatchObject({
      code: 'unreadable',
      message: expect.stringMatching(/jobs\.db is damaged .*move it away/),
    })
  })
})

describe('jobs past their time', () => {
  it('are removed with all that is known of them', async () => {
    const store = await openStore()
    await store.add(newJob(1), sentJob(1), started(1), returned(1), newJob(500), sentJob(500), returned(500))
    expect(await store.prune(T0 + 100, LATER)).toBe(false)
    expect(await store.job(jidOf(1), LATER)).toBeNull()
    expect(await store.job(jidOf(500), LATER)).not.toBeNull()
    await store.add(newJob(1))
    expect((await store.job(jidOf(1), LATER))!.returns).toEqual({})
  })

  it('stay while a minion may still answer', async () => {
    const store = await openStore()
    await store.add(newJob(1), sentJob(1))
    await store.prune(T0 + 100, LATER)
    expect(await store.job(jidOf(1), LATER)).not.toBeNull()
    await store.prune(T0 + 100, LATER + 2 * HOUR)
    expect(await store.job(jidOf(1), LATER)).toBeNull()
  })

  it('go after their deadline where nobody was reached', async () => {
    const store = await openStore()
    await store.add(newJob(1, { minions: ['a', 'b'] }), sentJob(1, { offline: ['a'], refused: { b: 'no' } }))
    await store.prune(T0 + 100, LATER)
    expect(await store.job(jidOf(1), LATER)).not.toBeNull()
    await store.prune(T0 + 100, LATER + HOUR)
    expect(await store.job(jidOf(1), LATER)).toBeNull()
  })

  it('go a few at a time', async () => {
    const store = await openStore()
    await store.add(...Array.from({ length: 450 }, (_, n) => returned(n)))
    let rounds = 1
    while (await store.prune(LATER + 1000, LATER)) rounds += 1
    expect(rounds).toBe(3)
    expect((await store.jobs({}, LATER, MiB)).jobs).toEqual([])
  })
})
