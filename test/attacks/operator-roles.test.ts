// An operator outside their role: functions that nobody granted them, under every name, by every way in.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { headers as createHeaders, type NatsConnection } from '@nats-io/transport-node'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { command } from '../e2e/reactor.ts'
import { eventsFrom, ping } from './harm.ts'
import {
  type Answer,
  addOperator,
  ask,
  createMark,
  expectRefused,
  PASSWORD,
  publish,
  startedBy,
  touched,
  works,
} from './operators.ts'
import { type System, startSystem } from './system.ts'

const ROLES = {
  web: [{ web1: ['test.*'] }, { '@runner': ['test.arg'] }, { '@wheel': ['minions.connected'] }],
}

let system: System
let bob: NatsConnection
beforeAll(async () => {
  system = await startSystem({ config: { roles: ROLES } })
  bob = await addOperator(system, 'bob', 'web')
})
afterAll(() => system?.stop())

// Inside the role it works, before and after each attack.
beforeEach(() => works(system, bob, { tgt: 'web1', fun: 'test.ping' }))
afterEach(async () => {
  expect(await ping(system)).toEqual(['web1', 'web2'])
  expect(await touched(system)).toEqual([])
})

const refused = (attack: () => Promise<Answer>, more: { action?: string; code?: string; reason?: RegExp } = {}) =>
  expectRefused({ system, user: 'bob', kind: 'publish', ...more }, attack)

describe('a function that no role grants', () => {
  it.each([
    'cmd.run',
    'sys.doc',
    'saltutil.cmd',
    'saltutil.kill_all_jobs',
    'mine.send',
    'Test.ping',
    'TEST.ping',
    'xtest.ping',
    'cmd.run.test.ping',
    '__proto__.toString',
    'constructor.prototype',
  ])('%s is refused', async fun => {
    const { job } = createMark(system, 'fun')
    const message = `'bob' may not call '${fun}' on any minion: no role of theirs grants it`
    await refused(() => publish(bob, { ...job, tgt: 'web1', fun }), { action: fun, reason: new RegExp(message) })
  })

  it.each<[string, unknown]>([
    ['with a space behind', 'test.ping '],
    ['with a line behind', 'test.ping\n'],
    ['with a NUL', 'test.ping\0cmd.run'],
    ['that is a glob', 'test.*'],
    ['that is everything', '*'],
    ['in letters that look the same', 'tеst.ping'],
    ['in full-width letters', 'ｔｅｓｔ.ping'],
    ['with two dots', 'test..ping'],
    ['that is two', 'test.ping,cmd.run'],
    ['that is a path', 'test.ping/../../cmd.run'],
    ['that is a list', ['test.ping', 'cmd.run']],
    ['that is a map', { toString: 'test.ping' }],
    ['that is nothing', null],
    ['that is missing', undefined],
    ['without a module', 'ping'],
  ])('is not reached by a name %s', async (_what, fun) => {
    const { job } = createMark(system, 'name')
    const attack = () => publish(bob, { ...job, tgt: 'web1', fun: fun as string })
    await refused(attack, { code: 'bad_argument', reason: /'fun' must be module.function/ })
  })

  it('is not reached by more dots behind a granted name: the minion has no such function', async () => {
    const { job } = createMark(system, 'dots')
    const { jid } = await publish(bob, { ...job, tgt: 'web1', fun: 'test.ping.cmd.run' })
    const { data } = await system.events.find(({ tag }) => tag === `salt/job/${jid}/ret/web1`, 'the return')
    expect(data).toMatchObject({ success: false, return: expect.stringContaining('test.ping.cmd.run') })
  })

  it.each<[string, (own: string) => { arg?: unknown[]; kwarg?: Record<string, unknown> }, boolean]>([
    ['more arguments', own => ({ arg: [own, 'cmd.run', ['touch', 'x']] }), true],
    ['another function by name', own => ({ arg: [own], kwarg: { fun: 'cmd.run' } }), true],
    ['a command in place of the jid', () => ({ arg: ['$(touch x)'] }), false],
    ['a jid that nobody has', () => ({ arg: ['20260101000000000000'] }), false],
    ['several jids', own => ({ arg: [[own, '20260101000000000000']] }), false],
    ['no jid', () => ({}), false],
  ])(
    'is not reached through saltutil.find_job, which asks after jobs of their own, by %s',
    async (_what, how, sent) => {
      const { jid: own } = await publish(bob, { tgt: 'web1', fun: 'test.ping' })
      const find = () => publish(bob, { tgt: 'web1', fun: 'saltutil.find_job', ...how(String(own)) })
      if (!sent) return refused(find, { action: 'saltutil.find_job' })
      const { jid } = await find()
      const { data } = await system.events.find(({ tag }) => tag === `salt/job/${jid}/ret/web1`, 'the return')
      expect(data).toMatchObject({ success: false })
    },
  )

  it('is refused before it is said which minions there are', async () => {
    const { job } = createMark(system, 'resolve')
    await refused(() => publish(bob, { ...job, tgt: '*', resolve: true }), { action: 'cmd.run' })
    expect(await publish(bob, { tgt: '*', resolve: true } as never)).toEqual({ minions: ['web1'], missing: [] })
  })

  it('is refused where nobody waits for the answer', async () => {
    const next = eventsFrom(system)
    const { job } = createMark(system, 'silent')
    bob.publish('reactor.publish', JSON.stringify({ ...job, tgt: 'web1' }))
    const { data } = await next(
      ({ tag, data }) => tag === 'salt/audit/publish' && data.action === 'cmd.run',
      'the record of the refusal',
    )
    expect(data).toMatchObject({ user: 'bob', source: expect.stringMatching(/^OPS/), result: 'refused' })
  })

  it('is refused by the command line too, which says why', async () => {
    const next = eventsFrom(system)
    const file = join(system.dir, 'password')
    await writeFile(file, PASSWORD, { mode: 0o600 })
    const { file: mark } = createMark(system, 'cli')
    const cli = (...words: string[]) =>
      command([...words, '--server', system.server.url, '--user', 'bob', '--password-file', file], { cwd: system.dir })
    const [inside, outside, runner, wheel] = await Promise.all([
      cli('call', 'web1', 'test.ping', '--json'),
      cli('call', 'web1', 'cmd.run', `touch ${mark}`, '--json'),
      cli('run', 'jobs.list_jobs'),
      cli('wheel', 'key.accept', 'evil'),
    ])
    expect(inside).toMatchObject({ code: 0 })
    expect(outside).toMatchObject({ code: 77 })
    expect(outside.stdout + outside.stderr).toContain("'bob' may not call 'cmd.run' on any minion")
    expect(runner).toMatchObject({ code: 77, stderr: expect.stringContaining("may not call runner 'jobs.list_jobs'") })
    expect(wheel).toMatchObject({ code: 77, stderr: expect.stringContaining("may not call wheel 'key.accept'") })
    for (const action of ['cmd.run', 'jobs.list_jobs', 'key.accept'])
      await next(
        ({ tag, data }) => tag.startsWith('salt/audit/') && data.action === action && data.result === 'refused',
        `the record of ${action}`,
      )
  })
})

interface Endpoint {
  subject: string
  metadata?: { function?: string }
}

/** What discovery tells everybody. */
async function discovered(kind: 'runner' | 'wheel'): Promise<string[]> {
  const info = await bob.request(`$SRV.INFO.reactor-${kind}`, '', { timeout: 30_000 })
  const { endpoints } = info.json<{ endpoints: Endpoint[] }>()
  return endpoints.map(({ metadata }) => metadata!.function!.slice(kind.length + 1))
}

describe('runner and wheel functions', () => {
  it.each([
    ['runner', 'test.arg', 'jobs.kill'],
    ['wheel', 'minions.connected', 'key.accept'],
  ] as const)(
    'of the kind %s that no role grants are refused, each one that discovery names',
    async (kind, granted, one) => {
      expect(await ask(bob, `reactor.${kind}.${granted}`, [])).not.toHaveProperty('error')
      const others = (await discovered(kind)).filter(fun => fun !== granted)
      expect(others).toContain(one)
      const keys = await system.run('wheel', 'key.list_all')
      const users = await system.run('wheel', 'user.list')
      for (const fun of others) {
        const reason = new RegExp(`'bob' may not call ${kind} '${fun}': no role of theirs grants it`)
        // Malformed too: who may not call it does not get to know its arguments.
        for (const body of [['evil', '*'], '{"match": '])
          await expectRefused({ system, user: 'bob', kind, action: fun, reason }, () =>
            ask(bob, `reactor.${kind}.${fun}`, body),
          )
      }
      expect(await system.run('wheel', 'key.list_all')).toEqual(keys)
      expect(await system.run('wheel', 'user.list')).toEqual(users)
    },
  )

  it.each([
    'reactor.wheel.key.accept.x',
    'reactor.wheel.KEY.accept',
    'reactor.wheel.key',
    'reactor.wheel.minions.connected.key.accept',
    'reactor.wheel.key.acceptx',
    'reactor.runner.cmd.run',
    'reactor.runner.test.arg.x',
    'reactor.runner.reactor.wheel.key.accept',
  ])('are not there under another subject: %s', async subject => {
    await expect(bob.request(subject, '["evil"]', { timeout: 30_000 })).rejects.toThrow(/no responders/i)
  })

  it('are not called in the name of another, whatever the body says', async () => {
    const next = eventsFrom(system)
    const answer = await ask(bob, 'reactor.runner.test.arg', [{ __kwarg__: true, user: 'admin', __user__: 'admin' }])
    expect(answer).not.toHaveProperty('error')
    const { data } = await next(
      ({ tag, data }) => tag === 'salt/audit/runner' && data.action === 'test.arg',
      'the record',
    )
    expect(data.user).toBe('bob')
    await expectRefused(
      { system, user: 'bob', kind: 'publish', code: 'bad_argument', reason: /unknown key 'user'/ },
      () => ask(bob, 'reactor.publish', { tgt: 'web1', fun: 'test.ping', user: 'admin' }),
    )
  })
})

describe('a request that says whose it is', () => {
  const forged = (extra: Record<string, string>) => {
    const headers = createHeaders()
    for (const [name, value] of Object.entries(extra)) headers.set(name, value)
    return headers
  }
  const FORGED: [string, Record<string, string>][] = [
    ['Reactor-User', { 'Reactor-User': 'admin' }],
    ['Reactor-Work', { 'Reactor-Work': 'x/y/0', 'Reactor-Time': '1', 'Reactor-User': 'rule:x' }],
    ['Reactor-Cause', { 'Reactor-Cause': '20260101000000000000', 'Reactor-Hops': '3', 'Reactor-User': 'schedule:x' }],
    ['Reactor-Untrusted', { 'Reactor-Untrusted': '[]', 'Reactor-User': 'admin' }],
    ['Nats-Request-Info', { 'Nats-Request-Info': '{"acc":"OPS","user":"admin"}' }],
    ['nats-request-info', { 'nats-request-info': '{"acc":"CORE"}' }],
    ['Nats-Service-Error', { 'Nats-Service-Error': 'x', 'Nats-Service-Error-Code': '1' }],
  ]

  it.each(FORGED)('by the header %s starts nothing that the role does not grant', async (_name, extra) => {
    const { job } = createMark(system, 'header')
    const attack = () => ask(bob, 'reactor.publish', { ...job, tgt: 'web1' }, forged(extra))
    await refused(attack, { action: 'cmd.run', reason: /'bob' may not call 'cmd.run'/ })
  })

  it.each(FORGED)('by the header %s calls no wheel function', async (_name, extra) => {
    const refusal = { system, user: 'bob', kind: 'wheel', action: 'user.change' }
    await expectRefused(refusal, () => ask(bob, 'reactor.wheel.user.change', ['bob', 'admin'], forged(extra)))
  })

  it('by such headers, inside the role, is recorded as the operator own, and hides no trace', async () => {
    const next = eventsFrom(system)
    const headers = forged(Object.assign({}, ...FORGED.slice(0, 4).map(([, extra]) => extra)))
    const answer = await ask(bob, 'reactor.runner.test.arg', ['a'], headers)
    // A service of CORE would get the whole outcome, with the jid.
    expect(answer).not.toHaveProperty('jid')
    const { data, cause } = await next(
      ({ tag, data }) => tag === 'salt/audit/runner' && data.action === 'test.arg',
      'the record',
    )
    expect(data).toMatchObject({ user: 'bob', source: expect.stringMatching(/^OPS/), result: 'ok' })
    expect(cause).toBeUndefined()
  })
})

describe('a body that is made to break', () => {
  it.each<[string, string]>([
    ['is no JSON', '{"tgt": "web1"'],
    ['is text', 'web1 cmd.run'],
    ['is a list', '["web1", "cmd.run"]'],
    ['is a number', '1e999'],
    ['is nested deep', '['.repeat(200_000) + ']'.repeat(200_000)],
    [
      'is nested deep in an argument',
      `{"tgt":"web1","fun":"test.ping","arg":${'['.repeat(300_000)}${']'.repeat(300_000)}}`,
    ],
    ['has a key __proto__', '{"tgt":"web1","fun":"test.ping","__proto__":{"resolve":true}}'],
    ['has a key constructor', '{"tgt":"web1","fun":"test.ping","constructor":{}}'],
  ])('and %s is refused', async (_what, body) => {
    await refused(() => ask(bob, 'reactor.publish', body), { code: 'bad_argument' })
  })

  it('and has __proto__ in its metadata and arguments changes nothing beside them', async () => {
    const body = `{"tgt":"web1","fun":"test.arg","kwarg":{"__proto__":{"polluted":1}},"metadata":{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}}`
    const { jid } = await ask(bob, 'reactor.publish', body)
    await system.events.find(({ tag }) => tag === `salt/job/${jid}/ret/web1`, 'the return')
    expect(await ask(bob, 'reactor.history.job', { jid, wait: 5 })).not.toHaveProperty('error')
    await ask(bob, 'reactor.runner.test.arg', '{"__proto__": {"polluted": 1}}')
    expect(({} as Record<string, unknown>).polluted).toBeUndefined()
    expect(startedBy(system.events.items, 'admin').filter(fun => fun === 'test.arg')).toEqual([])
  })
})
