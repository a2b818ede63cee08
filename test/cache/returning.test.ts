// What the master gives to stores of returners: jobs and returns to its job cache, events to those of event_return.
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ReturningConfig } from '../../src/cache/returning/start.ts'
import type { Sample } from '../../src/metrics/registry.ts'
import { openReturnersSource } from '../../src/metrics/returners.ts'
import { runNew, runReturn } from '../../src/protocol/catalogue/functions.ts'
import { splitPayload, storedName } from '../../src/protocol/payload.ts'
import type { JobLoad, StoredReturn } from '../../src/protocol/returned.ts'
import { consumerNames } from '../../src/protocol/streams.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { untilTaken } from '../helpers/wait.ts'
import { jidOf } from './jobs.ts'
import { type MemoryStore, memoryStore } from './returning-store.ts'
import { announced, given, openReturning } from './returning-system.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const open = () => openReturning(server)

describe('master_job_cache', () => {
  it("stores every job's load and every return with Salt's fields, those from before its start too, and when it ended", async () => {
    const { start, fire, as } = await open()
    const mysql = memoryStore()
    const arg = ['x', { __kwarg__: true, cwd: '/' }]
    const metadata = { ticket: 1 }
    await fire(`salt/job/${jidOf(1)}/new`, announced(1, ['m1', 'm2'], { arg, metadata, ret: 'redis', ret_config: 'o' }))
    await as('m1')(`salt/job/${jidOf(1)}/ret/m1`, given(1, 'm1', { fun_args: arg }))
    await start({ master_job_cache: 'mysql' }, { mysql })
    expect(await mysql.came.loads.reach(1)).toEqual([
      {
        ...{ jid: jidOf(1), cmd: 'publish', fun: 'test.ping', arg, tgt: '*', tgt_type: 'glob' },
        ...{ kwargs: { metadata, ret_config: 'o' }, ret: 'redis', user: 'root', minions: ['m1', 'm2'] },
      },
    ])
    expect(await mysql.came.returns.reach(1)).toEqual([
      { ...given(1, 'm1', { fun_args: arg }), _stamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{6}$/) },
    ])
    expect(mysql.came.ends.items).toEqual([])
    await as('m2')(`salt/job/${jidOf(1)}/ret/m2`, given(1, 'm2'))
    const returned = await mysql.came.returns.find(({ id }) => id === 'm2', 'the second return')
    expect(await mysql.came.ends.reach(1)).toEqual([{ jid: jidOf(1), endtime: returned._stamp }])
  })

  it('stores runner functions, and nothing that minions say of others', async () => {
    const { start, fire, as } = await open()
    const mysql = memoryStore()
    await start({ master_job_cache: 'mysql' }, { mysql })
    await as('m2')(`salt/job/${jidOf(1)}/ret/m1`, given(1, 'm1', { return: 'forged' }))
    await as('m2')(`salt/job/${jidOf(1)}/new`, announced(1, ['m2']))
    const run = { fun: 'runner.test.arg', jid: jidOf(2), user: 'root', fun_args: [1] }
    await fire(...runNew.of(run, { ...run, deadline: Date.now(), run_until: Date.now() }))
    await fire(...runReturn.of(run, { ...run, return: 'ok', success: true }))
    expect(await mysql.came.ends.reach(1)).toMatchObject([{ jid: jidOf(2) }])
    expect(mysql.came.loads.items).toMatchObject([{ jid: jidOf(2), fun: 'runner.test.arg', minions: ['_jobs'] }])
    expect(mysql.came.returns.items).toMatchObject([{ jid: jidOf(2), id: '_jobs', return: 'ok' }])
  })

  it('keeps a job that a minion ran by itself as its own', async () => {
    const { start, as } = await open()
    const mysql = memoryStore()
    await start({ master_job_cache: 'mysql' }, { mysql })
    await as('m1')(`salt/job/${jidOf(1)}/ret/m1`, given(1, 'm1', { fun_args: ['x'] }))
    expect(await mysql.came.loads.reach(1)).toEqual([
      {
        ...{ jid: jidOf(1), cmd: 'publish', fun: 'test.ping', arg: ['x'], kwargs: {}, tgt: 'm1', tgt_type: 'glob' },
        ...{ ret: '', user: 'minion:m1', minions: ['m1'] },
      },
    ])
    expect(await mysql.came.ends.reach(1)).toMatchObject([{ jid: jidOf(1) }])
  })

  it('marks the end of a job of which other cache workers had a part', async () => {
    const { start, fire, as } = await open()
    const mysql = memoryStore()
    await mysql.store.save_load([{ ...(announced(1, ['m1', 'm2']) as never as JobLoad) }])
    await mysql.store.returner([{ ...given(1, 'm1'), return: 1 } as never as StoredReturn])
    await start({ master_job_cache: 'mysql' }, { mysql })
    await fire('x', {})
    await as('m2')(`salt/job/${jidOf(1)}/ret/m2`, given(1, 'm2'))
    expect(await mysql.came.ends.reach(1)).toMatchObject([{ jid: jidOf(1) }])
  })

  it('stores a return larger than a message whole, and of one that is gone what became of it', async () => {
    const { start, as, payloads } = await open()
    const mysql = memoryStore()
    const value = { text: randomBytes(1_500_000).toString('hex') }
    const { ref, parts } = splitPayload(jidOf(1), Buffer.from(JSON.stringify(value)), payloads.maxPayload)
    for (const [n, part] of parts.entries()) await payloads.put(storedName('m1', jidOf(1)), n, part)
    await start({ master_job_cache: 'mysql' }, { mysql })
    await as('m1')(`salt/job/${jidOf(1)}/ret/m1`, given(1, 'm1', { return: null, payload: ref }))
    await as('m2')(`salt/job/${jidOf(1)}/ret/m2`, given(1, 'm2', { return: null, payload: ref }))
    const [whole, lost] = await mysql.came.returns.reach(2)
    expect(whole).toMatchObject({ id: 'm1', return: value, success: true })
    expect(whole).not.toHaveProperty('payload')
    expect(lost).toMatchObject({ id: 'm2', return: expect.stringMatching(/could not be fetched/), success: false })
  })

  it('loses nothing while the store is down, and says so once', async () => {
    const { start, fire, as, told, lines, floor } = await open()
    const mysql = memoryStore()
    mysql.goDown()
    const first = await fire(`salt/job/${jidOf(1)}/new`, announced(1, ['m1']))
    await start({ master_job_cache: 'mysql' }, { mysql })
    await told.find(
      ({ kind, about, up }) => kind === 'returner' && about === 'master_job_cache mysql' && up,
      'the alarm',
    )
    for (let n = 2; n < 40; n++) await fire(`salt/job/${jidOf(n)}/new`, announced(n, ['m1']))
    await as('m1')(`salt/job/${jidOf(1)}/ret/m1`, given(1, 'm1'))
    await mysql.came.tries.reach(2)
    // Nothing of it may be trimmed.
    const { readers } = await floor()
    expect(readers).toContainEqual(expect.objectContaining({ name: 'master_job_cache mysql', floor: first.seq - 1 }))
    mysql.comeBack()
    await told.find(({ kind, up }) => kind === 'returner' && !up, 'its end')
    await mysql.came.returns.reach(1)
    const stored = await mysql.came.loads.reach(39)
    expect(new Set(stored.map(({ jid }) => jid)).size).toBe(39)
    expect(lines.items.filter(({ msg }) => /takes nothing/.test(msg))).toHaveLength(1)
    expect(told.items.map(({ up }) => up)).toEqual([true, false])
  })

  it('puts aside what the store refuses, with the reason, and stores the others', async () => {
    const { start, fire, told, dir } = await open()
    const mysql = memoryStore()
    mysql.refuse(record => 'user' in record && record.user === 'too-long')
    for (let n = 1; n <= 20; n++)
      await fire(`salt/job/${jidOf(n)}/new`, announced(n, ['m1'], n % 7 === 0 ? { user: 'too-long' } : {}))
    await start({ master_job_cache: 'mysql' }, { mysql })
    const stored = await mysql.came.loads.find(({ jid }) => jid === jidOf(20), 'the last')
    expect(stored.jid).toBe(jidOf(20))
    await told.find(({ kind, about }) => kind === 'returner_refused' && about === 'master_job_cache mysql', 'the alarm')
    await mysql.came.loads.reach(18)
    expect(new Set(mysql.came.loads.items.map(({ jid }) => jid)).size).toBe(18)
    const text = await readFile(join(dir, 'refused', 'mysql.jsonl'), 'utf8')
    const kept = text
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
    expect(kept).toMatchObject([7, 14].map(n => ({ key: jidOf(n), reason: 'the column is too short' })))
    expect(kept[0].record).toMatchObject({ load: { jid: jidOf(7), user: 'too-long' } })
  })

  it('keeps no event from being trimmed that is not about a job', async () => {
    const { start, fire, floor } = await open()
    const mysql = memoryStore()
    await start({ master_job_cache: 'mysql' }, { mysql })
    await fire(`salt/job/${jidOf(1)}/new`, announced(1, ['m1']))
    await mysql.came.loads.reach(1)
    for (let n = 0; n < 9; n++) await fire('my/tag', { n })
    mysql.goDown()
    const waiting = await fire(`salt/job/${jidOf(2)}/new`, announced(2, ['m1']))
    await mysql.came.tries.reach(2)
    expect((await floor()).readers).toContainEqual(
      expect.objectContaining({ name: 'master_job_cache mysql', floor: waiting.seq - 1 }),
    )
  })
})

describe('event_return', () => {
  const tagsOf = (store: MemoryStore) => store.came.events.items.map(({ tag }) => tag)

  it('gives events whose tags the white list has and the black list has not, from when it is named', async () => {
    const { start, fire, as } = await open()
    const redis = memoryStore()
    await fire('deploy/before', {})
    await start(
      {
        event_return: ['redis'],
        event_return_whitelist: ['deploy/**', 'a.b'],
        event_return_blacklist: ['deploy/*/no'],
      },
      { redis },
    )
    await fire('deploy/x/no', {})
    await fire('other', {})
    await fire('a.b', {})
    await as('web1')('deploy/x/yes', { n: 1 }, { id: 'event-1' })
    await redis.came.events.find(({ tag }) => tag === 'deploy/x/yes', 'the wanted one')
    expect(tagsOf(redis)).toEqual(['a.b', 'deploy/x/yes'])
    expect(redis.came.events.items[1]).toEqual({
      ...{ id: 'event-1', tag: 'deploy/x/yes', data: { n: 1, id: 'web1' }, origin: 'web1' },
      _stamp: expect.stringMatching(/^\d{4}-/),
    })
  })

  it('gives them together once there are so many, or after so long', async () => {
    const { start, fire, delivered } = await open()
    const [counted, timed] = [memoryStore(), memoryStore()]
    const counting = await start({ event_return: ['counted'], event_return_queue: 5 }, { counted })
    for (let n = 0; n < 7; n++) await fire('x', { n })
    await counted.came.events.reach(5)
    expect(counted.came.batches.items.map(({ length }) => length >= 5)).toEqual([true])
    // What waits is given when it stops.
    await delivered(0)
    await counting.stop()
    expect(counted.came.events.items.map(({ data }) => data.n).sort()).toEqual([0, 1, 2, 3, 4, 5, 6])
    await start({ event_return: ['timed'], event_return_queue: 100, event_return_queue_max_seconds: 0.2 }, { timed })
    for (let n = 0; n < 3; n++) await fire('x', { n })
    expect(await timed.came.events.reach(3)).toHaveLength(3)
  })

  it('keeps returners apart: one that is down holds up no other, and gets its events later', async () => {
    const { start, fire, told, floor, nc, ns } = await open()
    const [up, down] = [memoryStore(), memoryStore()]
    down.goDown()
    await start({ event_return: ['up', 'down'] }, { up, down })
    const first = await fire('x', { n: 0 })
    await fire('x', { n: 1 })
    await up.came.events.reach(2)
    await told.find(({ about, up: raised }) => about === 'event_return down' && raised, 'the alarm')
    const { readers } = await floor()
    expect(readers).toContainEqual(expect.objectContaining({ name: 'event_return down', floor: first.seq - 1 }))
    const { reactor_consumer_oldest_seconds: oldest } = await (await openReturnersSource(nc, ns))()
    const waits = Object.fromEntries(
      (oldest as Sample[]).map(({ labels, value }) => [labels?.consumer, Number(value) > 0]),
    )
    expect(waits).toEqual({ 'event_return up': false, 'event_return down': true })
    down.comeBack()
    await down.came.events.reach(2)
    expect(down.came.events.items.map(({ data }) => data.n).sort()).toEqual([0, 1])
    expect(up.came.events.items).toHaveLength(2)
  })

  it('keeps the place of a returner over a restart, and lets go of one that is named no more', async () => {
    const { start, fire, consumers, ns } = await open()
    const [one, two] = [memoryStore(), memoryStore()]
    const { masterJobCache, eventReturn } = consumerNames(ns)
    const before = await start({ master_job_cache: 'one', event_return: ['one', 'two'] }, { one, two })
    expect(await consumers()).toEqual([eventReturn(0), eventReturn(1), masterJobCache].sort())
    await before.stop()
    await fire('while/away', {})
    await start({ event_return: ['two'] }, { two })
    await two.came.events.reach(1)
    await untilTaken('the end of the others', async () => expect(await consumers()).toEqual([eventReturn(1)]))
    expect(tagsOf(two)).toEqual(['while/away'])
  })

  it('is shared by several cache workers that start at once', async () => {
    const { start, fire, consumers, ns } = await open()
    const [one, two] = [memoryStore(), memoryStore()]
    const config = { master_job_cache: 'one', event_return: ['one', 'two'] }
    await Promise.all([1, 2, 3].map(() => start(config, { one, two })))
    const { masterJobCache, eventReturn } = consumerNames(ns)
    expect(await consumers()).toEqual([eventReturn(0), eventReturn(1), masterJobCache].sort())
    for (let n = 0; n < 20; n++) await fire('x', { n })
    for (const { came } of [one, two]) {
      await came.events.reach(20)
      expect(came.events.items.map(({ data }) => Number(data.n)).sort((a, b) => a - b)).toEqual([...Array(20).keys()])
    }
  })

  it.each<[string, Partial<ReturningConfig>, RegExp]>([
    ['a returner twice', { event_return: ['a', 'a'] }, /event_return names 'a' twice/],
    ['too many', { event_return: [...'abcdefghi'] }, /names 9 returners, of at most 8/],
    ['a glob that is none', { event_return: ['a'], event_return_blacklist: ['a{{b'] }, /^event_return_blacklist: /],
  ])('refuses %s', async (_what, config, message) => {
    const { start } = await open()
    await expect(start(config, { a: memoryStore() })).rejects.toMatchObject({
      code: 'bad_config',
      message: expect.stringMatching(message),
    })
  })
})

it('makes no consumer where nothing is configured', async () => {
  const { start, consumers, fire } = await open()
  await start({}, {})
  await fire('x', {})
  expect(await consumers()).toEqual([])
})
