import { Svcm } from '@nats-io/services'
import { headers as createHeaders, type NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { silentLog } from '../../src/base/log.ts'
import { requestJson } from '../../src/bus/request.ts'
import { callFunction } from '../../src/functions/call.ts'
import { runner } from '../../src/functions/define.ts'
import { failedReturn } from '../../src/functions/failed-return.ts'
import { createRegistry } from '../../src/functions/registry.ts'
import type { FunctionCall } from '../../src/jobs/run-function.ts'
import { NO_GRANTS } from '../../src/protocol/role.ts'
import { createSubjects } from '../../src/protocol/subject.ts'
import { serveFunctions } from '../../src/services/functions.ts'
import { type Accounts, startAccounts } from '../helpers/accounts.ts'
import { keptAudit, openAuthority } from '../helpers/authority.ts'
import { createSeen } from '../helpers/wait.ts'

const subjects = createSubjects('reactor')
const asked = createSeen<FunctionCall>()
const { audit, records } = keptAudit()
const registry = createRegistry(
  'runner',
  new Map([
    [
      'own.arg',
      runner({ doc: 'Returns it.', rest: 'args', extra: 'kwargs', run: ({ args, kwargs }) => ({ args, kwargs }) }),
    ],
    ['own.add', runner({ doc: 'Adds.', args: { a: z.number(), b: z.number() }, run: ({ a, b }) => a + b })],
    [
      'own.crash',
      runner({
        doc: 'Fails.',
        run() {
          throw new Error('two\nlines')
        },
      }),
    ],
    [
      'own.half',
      runner({
        doc: 'Fails with a return.',
        run() {
          throw failedReturn('one of two', { one: true, two: false })
        },
      }),
    ],
    ['own.nothing', runner({ doc: 'Nothing.', run: () => undefined })],
  ]),
)

let accounts: Accounts
let admin: NatsConnection
beforeAll(async () => {
  accounts = await startAccounts()
  const { core } = accounts.actors
  admin = accounts.actors.admin.nc
  await serveFunctions({
    nc: core.nc,
    subjects,
    registry,
    run: async call => {
      asked.push(call)
      return {
        jid: '20261120091820838387',
        outcome: await callFunction(registry, call.fun, call.arg, call.kwarg, {} as never),
      }
    },
    authority: openAuthority({
      statics: { [accounts.actors.admin.nkey]: 'admin', [accounts.actors.guest.nkey]: 'guest' },
      grants: { [accounts.actors.reader.nkey]: { ...NO_GRANTS, runner: ['own.a*'] } },
      audit,
    }),
    log: silentLog,
  })
  await core.nc.flush()
})
afterAll(() => accounts.stop())

const ask = async (nc: NatsConnection, fun: string, body = '', headers: Record<string, string> = {}) => {
  const hdrs = createHeaders()
  for (const [name, value] of Object.entries(headers)) hdrs.set(name, value)
  const reply = await nc.request(subjects.runner(fun), body, { timeout: 30_000, headers: hdrs })
  return {
    value: reply.json<unknown>(),
    error: reply.headers?.get('Nats-Service-Error') || undefined,
    status: reply.headers?.get('Nats-Service-Error-Code') || undefined,
    failed: reply.headers?.get('Reactor-Failed') || undefined,
  }
}

describe('the body of a request', () => {
  it.each([
    ['empty: no arguments', '', { args: [], kwargs: {} }],
    ['white space: no arguments', ' \n', { args: [], kwargs: {} }],
    ['an array: positional ones', '[1, {"a": 2}]', { args: [1, { a: 2 }], kwargs: {} }],
    ['a map: named ones', '{"k": 1}', { args: [], kwargs: { k: 1 } }],
    [
      'an array with a marked map at its end: both',
      '[1, {"__kwarg__": true, "k": 2}]',
      { args: [1], kwargs: { k: 2 } },
    ],
  ])('may be %s', async (_what, body, value) => {
    expect(await ask(admin, 'own.arg', body)).toEqual({ value, error: undefined, status: undefined })
  })

  it.each([
    ['no JSON', '{oops', /the request's body is no JSON/],
    [
      'neither map nor array',
      '5',
      /must be a JSON object \(named arguments\), an array \(positional ones\) or empty; got 5/,
    ],
  ])('is refused where it is %s', async (_what, body, message) => {
    expect(await ask(admin, 'own.arg', body)).toMatchObject({
      status: '400',
      error: expect.stringMatching(message),
      value: { error: { code: 'bad_argument' } },
    })
  })
})

describe('the answer', () => {
  it('is the return as JSON, null for nothing', async () => {
    expect((await ask(admin, 'own.add', '[2, 3]')).value).toBe(5)
    expect((await ask(admin, 'own.nothing')).value).toBeNull()
  })

  it('of a failure has it in one line of a header, and whole in the body', async () => {
    expect(await ask(admin, 'own.crash')).toEqual({
      status: '500',
      error: 'two lines',
      value: { error: { code: 'function_failed', message: 'two\nlines' } },
    })
  })

  it('of a failure that has a return is that return, and a header says that it has failed', async () => {
    expect(await ask(admin, 'own.half')).toEqual({ value: { one: true, two: false }, failed: 'true' })
    const heard: string[] = []
    const asking = { timeoutMs: 5000, what: 'it', onFailed: () => heard.push('failed') }
    expect(await requestJson(admin, subjects.runner('own.half'), {}, asking)).toEqual({ one: true, two: false })
    await requestJson(admin, subjects.runner('own.nothing'), {}, asking)
    expect(heard).toEqual(['failed'])
  })

  it('of wrong arguments names the argument', async () => {
    expect(await ask(admin, 'own.add', '{"a": 1, "c": 2}')).toMatchObject({
      status: '400',
      error: expect.stringContaining("'c'"),
    })
  })
})

describe('who asks', () => {
  const last = () => asked.items.at(-1)!

  it('is whom the server attests, by the name that the config gives', async () => {
    await ask(admin, 'own.nothing')
    expect(last().user).toBe('admin')
    await ask(accounts.actors.guest.nc, 'own.nothing')
    expect(last().user).toBe('guest')
  })

  it('is not whom an operator claims to be, and no operator hands over work', async () => {
    const answer = await ask(accounts.actors.guest.nc, 'own.add', '[1, 2]', {
      'Reactor-User': 'admin',
      'Reactor-Cause': 'event-1',
      'Reactor-Hops': '9',
      'Reactor-Chain': 'r',
      'Reactor-Work': 'event-1/r/0/1',
      'Reactor-Time': '1',
      'Nats-Request-Info': JSON.stringify({ acc: 'CORE', user: accounts.actors.admin.nkey }),
    })
    expect(answer.value).toBe(3)
    expect(last()).toMatchObject({ user: 'guest', cause: undefined, work: undefined, hops: 0, chain: undefined })
  })

  it('is whom a service of CORE says, with its work, and it gets the whole outcome', async () => {
    const answer = await ask(accounts.actors.core.nc, 'own.add', '[1, "x"]', {
      'Reactor-User': 'rule:r',
      'Reactor-Cause': 'event-1',
      'Reactor-Hops': '2',
      'Reactor-Chain': 'a,r',
      'Reactor-Work': 'event-1/r/0/1',
      'Reactor-Time': '1795166300000',
    })
    expect(last()).toMatchObject({
      user: 'rule:r',
      cause: 'event-1',
      hops: 2,
      chain: 'a,r',
      work: { key: 'event-1/r/0/1', causeMs: 1_795_166_300_000 },
    })
    expect(answer).toMatchObject({
      status: undefined,
      value: { jid: '20261120091820838387', outcome: { ok: false, code: 'bad_argument' } },
    })
  })

  it('is unknown where nobody says', async () => {
    await ask(accounts.actors.core.nc, 'own.nothing')
    expect(last().user).toBe('unknown')
  })
})

describe('an operator of some roles', () => {
  it('calls what a role grants, and the call knows what else they may', async () => {
    const { reader } = accounts.actors
    expect((await ask(reader.nc, 'own.add', '[2, 3]')).value).toBe(5)
    const call = asked.items.at(-1)!
    expect(call).toMatchObject({ user: reader.nkey, source: expect.stringMatching(/^OPS/) })
    expect(call.grants!().runner).toEqual(['own.a*'])
  })

  it('is refused the others, with the reason and a record of it, and nothing runs', async () => {
    const { reader } = accounts.actors
    const before = asked.items.length
    const reason = `'${reader.nkey}' may not call runner 'own.crash': no role of theirs grants it`
    // What the body holds is not even looked at.
    expect(await ask(reader.nc, 'own.crash', '{oops')).toEqual({
      status: '403',
      error: reason,
      value: { error: { code: 'forbidden', message: reason } },
    })
    const record = await records.find(({ result }) => result === 'refused', 'the record')
    expect(record).toEqual({
      ...{ kind: 'runner', user: reader.nkey, source: expect.stringMatching(/^OPS/), action: 'own.crash' },
      ...{ result: 'refused', reason },
    })
    expect(asked.items).toHaveLength(before)
  })

  it('leaves a record where a request cannot be read, without what it held', async () => {
    const before = records.items.length
    await ask(accounts.actors.admin.nc, 'own.add', '["hunter2", ')
    expect(records.items.slice(before)).toEqual([
      expect.objectContaining({ user: 'admin', action: 'own.add', result: 'failed', reason: 'bad_argument' }),
    ])
  })
})

it('is found by any client, with usage and schema of each function', async () => {
  const found = []
  for await (const info of await new Svcm(accounts.actors.core.nc).client().info('reactor-runner')) found.push(info)
  expect(found).toHaveLength(1)
  const add = found[0]!.endpoints.find(({ subject }) => subject === 'reactor.runner.own.add')
  expect(add?.metadata).toMatchObject({ function: 'runner.own.add', usage: expect.stringContaining('own.add') })
  expect(JSON.parse(add!.metadata!.schema!)).toMatchObject({ properties: { a: { type: 'number' } } })
})
