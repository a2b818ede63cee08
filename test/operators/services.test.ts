// Operators of some roles against the real processes and accounts: by raw requests, as any NATS client makes them.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import { createStack } from '../../src/base/service.ts'
import { connectBus } from '../../src/bus/connect.ts'
import { identityIn } from '../../src/bus/identity.ts'
import { rawFromLive } from '../../src/bus/raw.ts'
import { requestJson } from '../../src/bus/request.ts'
import { makeIdentities } from '../../src/bus/server/identities.ts'
import type { HistoryPage } from '../../src/cache/history.ts'
import type { JobAnswer } from '../../src/cache/wait.ts'
import { configSchema } from '../../src/config/schema.ts'
import { hashPassword } from '../../src/operators/password.ts'
import { startCache } from '../../src/processes/cache.ts'
import { startJobs } from '../../src/processes/jobs.ts'
import { startMaster } from '../../src/processes/master.ts'
import { startMinion } from '../../src/processes/minion.ts'
import { type Event, readEvent } from '../../src/protocol/event.ts'
import { operatorInbox } from '../../src/protocol/inbox.ts'
import type { Published, PublishMessage } from '../../src/protocol/job.ts'
import type { JobsPage } from '../../src/protocol/job-view.ts'
import { createSubjects } from '../../src/protocol/subject.ts'
import { startRestartableServer } from '../helpers/restartable.ts'
import { createSeen, within } from '../helpers/wait.ts'

const subjects = createSubjects('reactor')
const stack = createStack()
const events = createSeen<Event>()
const PASSWORD = 'correct horse'
let admin: NatsConnection
let ann: NatsConnection
let runner: NatsConnection
let login: (name: string) => Promise<NatsConnection>

const ROLES = {
  web: ['sys.doc', { 'web*': ['test.*'] }, { 'G@role:db': ['grains.get'] }],
  runner: [{ '@runner': ['manage.*', 'jobs.*', 'event.send'] }],
}

beforeAll(async () => {
  const dir = await mkdtemp(join(tmpdir(), 'reactor-test-'))
  stack.defer(() => rm(dir, { recursive: true, force: true }))
  const keyFile = (name: string) => join(dir, `${name}.seed`)
  const identities = await makeIdentities(keyFile)
  const server = await startRestartableServer({ namespace: 'reactor', identities })
  stack.defer(() => server.remove())
  const ids = ['web1', 'web2', 'db1']
  const keys = await Promise.all(ids.map(async id => [id, await identityIn(keyFile(id))] as const))
  const config = (seed: string, more: object = {}) =>
    configSchema.parse({
      servers: [server.url],
      seed: keyFile(seed),
      operators: { [identities.admin]: 'admin' },
      roles: ROLES,
      cache: { dir: join(dir, 'cache') },
      master: {
        callout: { seed: keyFile('callout'), issuer: keyFile('issuer') },
        accepted_keys: Object.fromEntries(keys),
      },
      ...more,
    })
  stack.add(await startMaster(config('master'), silentLog))
  stack.add(await startCache(config('cache'), silentLog))
  stack.add(await startJobs(config('jobs'), silentLog))
  for (const id of ids) {
    const minion = { id, dir: join(dir, id), grains: { role: id.slice(0, -1) } }
    stack.add(await startMinion(config(id, { minion }), silentLog))
  }
  const connect = async (name: string, how: object) => {
    const bus = await connectBus({
      ...{ servers: server.url, namespace: 'reactor', name, inboxPrefix: operatorInbox(name), patient: false },
      ...{ log: silentLog, ...how },
    })
    stack.defer(() => bus.close())
    return bus.nc
  }
  login = name => connect(name, { user: name, password: PASSWORD })
  admin = await connect('admin', { seedFile: keyFile('admin') })
  followEvents(admin)
  const password_hash = await hashPassword(PASSWORD)
  for (const [name, role] of [
    ['ann', 'web'],
    ['ron', 'runner'],
  ])
    await call(admin, 'wheel', 'user.add', { name, roles: role, password_hash })
  ann = await login('ann')
  runner = await login('ron')
  await until('all minions', async () => ((await call(admin, 'runner', 'manage.up')) as string[]).length === 3)
})
afterAll(() => stack.stop())

function followEvents(nc: NatsConnection): void {
  nc.subscribe(`${subjects.livePrefix}>`, {
    callback: (error, message) => {
      if (error) return
      const read = readEvent(subjects.livePrefix, rawFromLive(message))
      if (read.ok) events.push(read.event)
    },
  })
}

const ask = <T>(nc: NatsConnection, subject: string, body: unknown) =>
  requestJson<T>(nc, subject, body, { timeoutMs: 15_000, what: subject })
const call = (nc: NatsConnection, kind: 'runner' | 'wheel', fun: string, body: unknown = []) =>
  ask<unknown>(nc, subjects[kind](fun), body)
const publish = (nc: NatsConnection, request: Partial<PublishMessage>) => ask<Published>(nc, subjects.publish, request)

/** Asks again until it is so: what is stored is followed. */
async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  await within(
    (async () => {
      while (!(await holds())) await admin.flush()
    })(),
    what,
  )
}

const recorded = (kind: string, fits: (data: Record<string, unknown>) => boolean) =>
  events.find(({ tag, data }) => tag === `salt/audit/${kind}` && fits(data), `the record of a ${kind}`)

describe('an operator of some minions', () => {
  it('runs there what a role grants, waits for it, and everybody can see who it was', async () => {
    const { jid, minions } = await publish(ann, { tgt: 'web*', fun: 'test.arg', arg: ['a-secret'] })
    expect(minions).toEqual(['web1', 'web2'])
    await until('both returns', async () => {
      const { job } = await ask<JobAnswer>(ann, subjects.historyJob, { jid, wait: 5 })
      return Object.keys(job?.returns ?? {}).length === 2
    })
    const { data, origin } = await recorded('publish', data => data.jid === jid)
    expect(origin).toEqual({ kind: 'service', id: '_jobs' })
    expect(data).toEqual({
      ...{ user: 'ann', source: expect.stringMatching(/^OPS/), action: 'test.arg', tgt: 'web*', result: 'ok', jid },
    })
  })

  it.each<[string, Partial<PublishMessage>]>([
    ['all', { tgt: '*', fun: 'test.ping' }],
    ['a list that mixes', { tgt: ['web1', 'db1'], fun: 'test.ping' }],
    ['by a grain', { tgt: 'role:db', tgt_type: 'grain', fun: 'test.ping' }],
    ['by a regular expression', { tgt: '(web|db)1', tgt_type: 'pcre', fun: 'test.ping' }],
    ['a function of another grant', { tgt: 'web1', fun: 'grains.get', arg: ['role'] }],
    ['a function that nothing grants', { tgt: 'web1', fun: 'cmd.run', arg: ['id'] }],
  ])('is refused others, with the reason and a record, and no job is made: %s', async (_what, request) => {
    const refused = publish(ann, request)
    await expect(refused).rejects.toMatchObject({
      code: 'forbidden',
      message: expect.stringMatching(/^'ann' may not call/),
    })
    const reason = await refused.catch((error: Error) => error.message)
    await events.find(
      ({ tag, data }) => tag === 'salt/audit/publish' && data.result === 'refused' && data.reason === reason,
      'the record',
    )
    const jobs = events.items.filter(
      ({ tag, data }) => tag.endsWith('/new') && data.user === 'ann' && data.fun === request.fun,
    )
    expect(jobs).toEqual([])
  })

  it('may call by grains what a role grants by grains', async () => {
    expect((await publish(ann, { tgt: 'db*', fun: 'grains.get', arg: ['role'] })).minions).toEqual(['db1'])
  })

  it('sees by a target those on which they may do anything', async () => {
    const shown = await ask<{ minions: string[] }>(ann, subjects.publish, { tgt: '*', resolve: true })
    // `sys.doc` may be called anywhere.
    expect(shown.minions).toEqual(['db1', 'web1', 'web2'])
    await expect(publish(ann, { tgt: '*', fun: 'test.ping', resolve: true })).rejects.toThrow("'test.ping' on db1")
  })

  it.each([
    ['runner', 'manage.up'],
    ['runner', 'jobs.list_jobs'],
    ['wheel', 'user.list'],
    ['wheel', 'key.accept'],
  ] as const)('may not call %s %s', async (kind, fun) => {
    await expect(call(ann, kind, fun)).rejects.toMatchObject({ code: 'forbidden' })
    await recorded(kind, data => data.user === 'ann' && data.action === fun && data.result === 'refused')
  })

  it('may not make themselves an admin', async () => {
    await expect(call(ann, 'wheel', 'user.change', { name: 'ann', roles: ['admin'] })).rejects.toMatchObject({
      code: 'forbidden',
    })
    expect(await call(admin, 'wheel', 'user.list')).toMatchObject([{ name: 'ann', roles: ['web'] }, { name: 'ron' }])
  })

  it("sees no events and nobody else's jobs", async () => {
    await expect(ask<HistoryPage>(ann, subjects.historyEvents, {})).rejects.toMatchObject({ code: 'forbidden' })
    const { jid } = await publish(admin, { tgt: 'web1', fun: 'test.ping' })
    await until('the job', async () => (await ask<JobAnswer>(admin, subjects.historyJob, { jid })).job !== null)
    expect((await ask<JobAnswer>(ann, subjects.historyJob, { jid })).job).toBeNull()
    const { jobs } = await ask<JobsPage>(ann, subjects.historyJobs, {})
    expect([...new Set(jobs.map(({ user }) => user))]).toEqual(['ann'])
  })
})

describe('an operator with runner functions alone', () => {
  it('may ask who is up', async () => {
    expect(await call(runner, 'runner', 'manage.status')).toEqual({ up: ['db1', 'web1', 'web2'], down: [] })
    await recorded('publish', data => data.user === 'runner:manage.status' && data.action === 'test.ping')
    await recorded('runner', data => data.user === 'ron' && data.action === 'manage.status' && data.result === 'ok')
  })

  it("reaches nothing through them: not another's job, not another's voice", async () => {
    const { jid } = await publish(admin, { tgt: 'web1', fun: 'test.fail' })
    await until('its end', async () => {
      const { job } = await ask<JobAnswer>(admin, subjects.historyJob, { jid })
      return job?.counts.failed === 1
    })
    expect(await call(runner, 'runner', 'jobs.lookup_jid', [jid])).toEqual({})
    expect(await call(runner, 'runner', 'jobs.list_jobs')).toEqual({})
    await expect(call(runner, 'runner', 'jobs.retry', [jid])).rejects.toThrow(jid)
    await expect(call(runner, 'runner', 'jobs.kill', [jid])).rejects.toThrow(jid)
    await expect(call(runner, 'runner', 'event.send', ['salt/key', { id: 'x', act: 'accept' }])).rejects.toMatchObject({
      code: 'forbidden',
      message: "'ron' may not fire 'salt/key': no role of theirs grants it",
    })
  })

  it('runs a job again with no more rights than they have', async () => {
    await call(admin, 'wheel', 'user.add', {
      name: 'eve',
      roles: ['web', 'runner'],
      password_hash: await hashPassword(PASSWORD),
    })
    const eve = await login('eve')
    const { jid } = await publish(eve, { tgt: 'web1', fun: 'test.fail' })
    const ended = async () => (await ask<JobAnswer>(eve, subjects.historyJob, { jid })).job?.counts.failed === 1
    await until('its end', ended)
    await call(admin, 'wheel', 'user.change', { name: 'eve', roles: ['runner'] })
    const again = await login('eve')
    await expect(call(again, 'runner', 'jobs.retry', [jid])).rejects.toMatchObject({
      code: 'forbidden',
      message: "'eve' may not call 'test.fail' on any minion: no role of theirs grants it",
    })
  })
})

describe('an operator that is removed', () => {
  it('is told of in the audit, and logs in no more', async () => {
    await call(admin, 'wheel', 'user.add', { name: 'joe', roles: 'admin', password_hash: await hashPassword(PASSWORD) })
    const joe = await login('joe')
    expect((await publish(joe, { tgt: 'db1', fun: 'test.ping' })).minions).toEqual(['db1'])
    expect(await call(joe, 'wheel', 'user.remove', ['joe'])).toBe(true)
    const { data } = await recorded('user', ({ action, about }) => action === 'user.remove' && String(about) === 'joe')
    expect(data).toMatchObject({ user: 'joe', source: expect.stringMatching(/^OPS/), result: 'ok' })
    await expect(login('joe')).rejects.toMatchObject({ code: 'forbidden' })
  })
})

it('no event has ever held a password or its hash', () => {
  const said = JSON.stringify(events.items)
  expect(said).toContain('user.add')
  expect(said).not.toContain(PASSWORD)
  expect(said).not.toContain('scrypt$')
})

it('no audit record holds an argument', () => {
  const records = events.items.filter(({ tag }) => tag.startsWith('salt/audit/'))
  expect(records.length).toBeGreaterThan(10)
  expect(JSON.stringify(records)).not.toContain('a-secret')
  expect(JSON.stringify(events.items)).toContain('a-secret')
})
