// Any NATS client can call runners and wheels, start jobs and discover all of it: here the plain `nats` package, 2.x.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connect, type NatsConnection, nkeyAuthenticator, type ServiceInfo } from 'nats'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createSeen } from '../helpers/wait.ts'
import { type Running, startReactor } from './reactor.ts'

describe('a foreign NATS client', () => {
  let reactor: Running
  let nats: NatsConnection
  beforeAll(async () => {
    reactor = await startReactor({ args: ['--id', 'web1'] })
    const seed = await readFile(join(reactor.dir, 'var/keys/admin.nk'))
    nats = await connect({
      servers: reactor.ready.server,
      authenticator: nkeyAuthenticator(seed.subarray(0, seed.indexOf(0x0a))),
      inboxPrefix: '_INBOX__user-admin',
    })
  })
  afterAll(async () => {
    await nats.close()
    await reactor.clean()
  })

  const ask = async (subject: string, body?: unknown) => {
    const reply = await nats.request(subject, body === undefined ? '' : JSON.stringify(body), { timeout: 30_000 })
    return {
      value: reply.json<unknown>(),
      error: reply.headers?.get('Nats-Service-Error'),
      status: reply.headers?.get('Nats-Service-Error-Code'),
    }
  }

  it('calls a runner with named arguments', async () => {
    expect(await ask('reactor.runner.test.arg', { a: 1, b: 'two' })).toMatchObject({
      value: { args: [], kwargs: { a: 1, b: 'two' } },
    })
  })

  it('calls a runner with positional arguments', async () => {
    expect(await ask('reactor.runner.test.arg', [1, 'two', { three: 3 }])).toMatchObject({
      value: { args: [1, 'two', { three: 3 }], kwargs: {} },
    })
  })

  it('calls a function without arguments by an empty body', async () => {
    expect(await ask('reactor.wheel.minions.connected')).toMatchObject({ value: ['web1'] })
  })

  it('hears of a failure in the headers of the services framework', async () => {
    expect(await ask('reactor.runner.test.fail', { message: 'no such luck' })).toMatchObject({
      error: 'no such luck',
      status: '500',
      value: { error: { code: 'function_failed', message: 'no such luck' } },
    })
  })

  it('is refused arguments that do not fit', async () => {
    expect(await ask('reactor.runner.test.sleep', { lenght: 1 })).toMatchObject({
      status: '400',
      error: "test.sleep has no argument 'lenght'. Did you mean 'length'?",
    })
  })

  it('is refused a body that is no JSON', async () => {
    const reply = await nats.request('reactor.runner.test.arg', '{oops', { timeout: 30_000 })
    expect(reply.headers?.get('Nats-Service-Error')).toMatch(/the request's body is no JSON/)
  })

  it('gets no responders for a function that is not there', async () => {
    await expect(nats.request('reactor.runner.no.such', '', { timeout: 30_000 })).rejects.toThrow(/503/)
  })

  it('starts a job on minions and sees its return in the live events', async () => {
    const returns = createSeen<Record<string, unknown>>()
    nats.subscribe('reactor.live.*.salt.job.*.ret.>', { callback: (_error, message) => returns.push(message.json()) })
    await nats.flush()
    const { value } = await ask('reactor.publish', { tgt: '*', tgt_type: 'glob', fun: 'test.echo', arg: ['hi'] })
    expect(value).toMatchObject({ jid: expect.stringMatching(/^\d{20}$/), minions: ['web1'] })
    const { jid } = value as { jid: string }
    const returned = await returns.find(({ tag }) => tag === `salt/job/${jid}/ret/web1`, 'the return')
    expect(returned.data).toMatchObject({ id: 'web1', jid, fun: 'test.echo', return: 'hi' })
  })

  it('is told when no minion matches, and what is wrong with a target', async () => {
    expect(await ask('reactor.publish', { tgt: 'nobody*', fun: 'test.ping' })).toMatchObject({
      status: '404',
      error: expect.stringContaining('no minions matched'),
    })
    expect(await ask('reactor.publish', { tgt: '*', tgt_type: 'globb', fun: 'test.ping' })).toMatchObject({
      status: '400',
      error: expect.stringContaining("Did you mean 'glob'?"),
    })
    expect(await ask('reactor.publish', { tgt: '*', fun: 'ping' })).toMatchObject({
      status: '400',
      error: expect.stringContaining("'fun' must be module.function"),
    })
  })

  it('discovers the services with their schemas', async () => {
    const infos: ServiceInfo[] = []
    for await (const info of await nats.services.client().info()) infos.push(info)
    // That of the schedule is there once its worker leads.
    const names = new Set(['reactor-schedule', ...infos.map(({ name }) => name)])
    expect([...names].sort()).toEqual([
      'reactor-decide',
      'reactor-file',
      'reactor-history',
      'reactor-mine',
      'reactor-minions',
      'reactor-pillar',
      'reactor-publish',
      'reactor-runner',
      'reactor-schedule',
      'reactor-wheel',
    ])
    const runner = infos.find(({ name }) => name === 'reactor-runner')!
    const sleep = runner.endpoints.find(({ subject }) => subject === 'reactor.runner.test.sleep')!
    expect(JSON.parse(sleep.metadata!.schema!)).toMatchObject({
      type: 'object',
      properties: { length: { type: 'number' } },
      required: ['length'],
    })
    const answering: string[] = []
    for await (const ping of await nats.services.client().ping()) answering.push(ping.name)
    expect(answering).toContain('reactor-runner')
  })

  it('appears under its own name in the events of its jobs, whatever the payload says', async () => {
    await ask('reactor.runner.test.arg', { user: 'root' })
    const line = await reactor.lines.find(
      ({ tag, data }) => /^salt\/run\/\d+\/ret$/.test(tag) && JSON.stringify(data.fun_args).includes('"user":"root"'),
      'the event of the run',
    )
    expect(line.data.user).toBe('admin')
  })

  it('stores an event by a request, and reads its sequence in the ack', async () => {
    const reply = await nats.request('reactor.event._user-admin.from.outside', JSON.stringify({ data: { n: 1 } }), {
      timeout: 5000,
    })
    expect(reply.json()).toMatchObject({ stream: 'reactor_EVENTS', seq: expect.any(Number) })
    expect(await reactor.lines.find(({ tag }) => tag === 'from/outside', 'the event')).toMatchObject({
      data: { n: 1 },
      origin: '_user-admin',
    })
  })
})
