// The runners and the mine over real processes: a master, a job worker, a cache worker and two minions on one server.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import { createStack } from '../../src/base/service.ts'
import { VERSION } from '../../src/base/version.ts'
import { requestJson } from '../../src/bus/request.ts'
import { configSchema } from '../../src/config/schema.ts'
import { startCache } from '../../src/processes/cache.ts'
import { startJobs } from '../../src/processes/jobs.ts'
import { startMaster } from '../../src/processes/master.ts'
import { startMinion } from '../../src/processes/minion.ts'
import type { Published, PublishMessage } from '../../src/protocol/job.ts'
import { createSubjects } from '../../src/protocol/subject.ts'
import { startTestServer } from '../helpers/server.ts'
import { within } from '../helpers/wait.ts'

const subjects = createSubjects('reactor')
const stack = createStack()
let nc: NatsConnection
beforeAll(async () => {
  const dir = await mkdtemp(join(tmpdir(), 'reactor-test-'))
  stack.defer(() => rm(dir, { recursive: true, force: true }))
  const server = stack.add(await startTestServer())
  const config = (minion: object = {}) =>
    configSchema.parse({
      isolation: 'none',
      servers: [server.url],
      cache: { dir: join(dir, 'cache') },
      minion: { dir: join(dir, 'minion'), ...minion },
    })
  nc = await connect({ servers: server.url })
  stack.defer(() => nc.close())
  stack.add(await startCache(config(), silentLog))
  stack.add(await startMaster(config(), silentLog))
  stack.add(await startJobs(config(), silentLog))
  for (const id of ['web1', 'db1'])
    stack.add(await startMinion(config({ id, dir: join(dir, id), grains: { role: id.slice(0, -1) } }), silentLog))
  await until('both minions', async () => ((await run('manage.list_state')) as string[]).length === 2)
})
afterAll(() => stack.stop())

const run = (fun: string, body: unknown = []) =>
  requestJson<unknown>(nc, subjects.runner(fun), body, { timeoutMs: 15_000, what: fun })

async function start(fun: string, more: Partial<PublishMessage> = {}): Promise<string> {
  const request: PublishMessage = { tgt: '*', fun, ...more }
  return (await requestJson<Published>(nc, subjects.publish, request, { timeoutMs: 10_000, what: fun })).jid
}

/** Asks again until it is so: the caches follow events. */
async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  await within(
    (async () => {
      while (!(await holds())) await nc.flush()
    })(),
    what,
    15_000,
  )
}

const returnsOf = async (jid: string) => (await run('jobs.lookup_jid', [jid])) as Record<string, unknown>
const allReturned = (jid: string) =>
  until(`the returns of ${jid}`, async () => Object.keys(await returnsOf(jid)).length === 2)

describe('manage', () => {
  it('pings the fleet', async () => {
    expect(await run('manage.status')).toEqual({ up: ['db1', 'web1'], down: [] })
    expect(await run('manage.up', { tgt: 'role:web', tgt_type: 'grain' })).toEqual(['web1'])
    expect(await run('manage.down', { tgt: 'nobody' })).toEqual([])
  })

  it('compares versions', async () => {
    expect(await run('manage.versions')).toEqual({ Master: VERSION, 'Up to date': { db1: VERSION, web1: VERSION } })
  })
})

describe('jobs', () => {
  it('shows a job from its start to its end', async () => {
    const jid = await start('test.arg', { arg: [1], kwarg: { k: 'v' }, metadata: { why: 'fleet' } })
    await allReturned(jid)
    const value = { args: [1], kwargs: { k: 'v' } }
    expect(await returnsOf(jid)).toEqual({ db1: value, web1: value })
    expect(await run('jobs.exit_success', [jid])).toEqual({ db1: true, web1: true })
    expect(await run('jobs.list_jobs', { search_metadata: { why: 'fleet', other: 1 } })).toEqual({
      [jid]: {
        Function: 'test.arg',
        Arguments: [1, { __kwarg__: true, k: 'v' }],
        Target: '*',
        'Target-type': 'glob',
        User: 'unknown',
        Metadata: { why: 'fleet' },
        StartTime: expect.stringMatching(/^20\d\d, [A-Z][a-z]{2} \d\d \d\d:\d\d:\d\d\.\d{6}$/),
      },
    })
    expect(await run('jobs.list_jobs', { search_function: 'test.a*', start_time: '1h' })).toHaveProperty(jid)
    expect(await run('jobs.list_jobs', { search_function: 'test.a*', end_time: '1h' })).toEqual({})
    expect(await run('jobs.last_run', { function: 'test.arg' })).toMatchObject({ [jid]: { Minions: ['db1', 'web1'] } })
    expect(await run('jobs.list_jobs', { kind: 'runner', search_function: '*jobs.list_jobs' })).not.toEqual({})
  })

  it('shows returns larger than a message whole', async () => {
    const line = 'head -c 2000000 /dev/zero | tr "\\0" x'
    const jid = await start('cmd.shell', { tgt: 'web1', arg: [line], kwarg: { output_limit: 4_000_000 } })
    await until('the return', async () => ((await run('jobs.exit_success', [jid])) as { web1?: boolean }).web1 === true)
    // Compared by hand: a difference would print both.
    expect((await returnsOf(jid)).web1 === 'x'.repeat(2_000_000)).toBe(true)
  })

  it('shows where a job runs, and ends it', async () => {
    const jid = await start('cmd.run', { arg: ['sleep 60'] })
    await until('the job', async () => jid in ((await run('jobs.active')) as object))
    const active = (await run('jobs.active')) as Record<string, { Running: Record<string, number>[] }>
    expect(active[jid]!.Running).toEqual([{ db1: expect.any(Number) }, { web1: expect.any(Number) }])
    expect(await run('jobs.kill', [jid])).toEqual({
      db1: expect.stringContaining(String(active[jid]!.Running[0]!.db1)),
      web1: expect.stringContaining(String(active[jid]!.Running[1]!.web1)),
    })
    await allReturned(jid)
    expect(await run('jobs.exit_success', [jid])).toEqual({ db1: false, web1: false })
    expect(await run('jobs.active')).not.toHaveProperty(jid)
    await expect(run('jobs.kill', [jid])).rejects.toThrow(`job ${jid} has ended on all its minions (2 failed)`)
  })

  it('retries a job where it failed', async () => {
    const jid = await start('cmd.run', { arg: ['false'], metadata: { why: 'retry' } })
    await allReturned(jid)
    const retried = (await run('jobs.retry', [jid, 'db*'])) as { jid: string; minions: string[] }
    expect(retried).toEqual({ jid: expect.any(String), minions: ['db1'], comment: `retries ${jid}` })
    await until('the retry', async () => 'db1' in (await returnsOf(retried.jid)))
    expect(await run('jobs.list_job', [retried.jid])).toMatchObject({
      Function: 'cmd.run',
      Arguments: ['false'],
      Metadata: { why: 'retry', retry_of: jid },
    })
  })
})

it('minions share what they put into the mine, with those they allow', async () => {
  const send = await start('mine.send', {
    arg: ['role', 'role'],
    kwarg: { mine_function: 'grains.get', allow_tgt: 'role:db', allow_tgt_type: 'grain' },
  })
  await allReturned(send)
  expect(await returnsOf(send)).toEqual({ db1: true, web1: true })
  const get = await start('mine.get', { arg: ['*', 'role'] })
  await allReturned(get)
  expect(await returnsOf(get)).toEqual({ db1: { db1: 'db', web1: 'web' }, web1: {} })
})
