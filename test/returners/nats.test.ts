import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { jetstreamManager } from '@nats-io/jetstream'
import { createUser } from '@nats-io/nkeys'
import { connect } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { isRefused } from '../../src/functions/define-returner.ts'
import type { StoredReturn } from '../../src/protocol/returned.ts'
import nats from '../../src/returners/nats.ts'
import { eventOf, jidAt, returnerContract, returnOf } from '../contract/returners.ts'
import { otherAuthority, startTlsServer, testCertificates } from '../helpers/certificates.ts'
import { storedIn } from '../helpers/core.ts'
import { testFolder } from '../helpers/folder.ts'
import { type RestartableServer, startRestartableServer } from '../helpers/restartable.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { opened } from './opened.ts'

returnerContract('nats', nats, async () => {
  const server: RestartableServer = await startRestartableServer()
  return {
    settings: { 'nats.servers': server.url },
    async interrupt() {
      await server.end('SIGKILL')
      await server.start()
    },
    remove: () => server.remove(),
  }
})

const jid = jidAt(Date.now())
let server: TestServer
let streams = 0
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server?.stop())

/** A store with a stream of its own, and a look into that. */
async function open(settings: Record<string, unknown> = {}) {
  streams++
  const [stream, subject] = [`S${streams}`, `s${streams}`]
  const store = await opened('nats', { servers: server.url, stream, subject, ...settings })
  const nc = await connect({ servers: server.url })
  onTestFinished(() => nc.close())
  return { store, stream, subject, jsm: await jetstreamManager(nc), stored: () => storedIn(nc, stream) }
}

const failed = async (promise: Promise<void>) => {
  const error = await promise.then(
    () => undefined,
    (thrown: Error & { code?: string }) => thrown,
  )
  return { refused: isRefused(error), code: error?.code, message: error?.message ?? 'nothing was thrown' }
}

describe('a stream for others', () => {
  it('holds each return once, under its function and minion', async () => {
    const { store, stored, subject } = await open()
    const odd = JSON.parse('{"__proto__": 1, "a": "\\u0000 \\ud83d 日"}')
    const returns = [
      returnOf(jid, 'web1.example.com', { return: odd }),
      returnOf(jid, 'web *.>', { fun: 'cmd.run_all', return: 'x'.repeat(900_000) }),
    ]
    await store.returner(returns)
    await store.returner(returns)
    const found = await stored()
    expect(found.map(message => [message.subject, message.id])).toEqual([
      [`${subject}.return.test.ping.web1=2Eexample=2Ecom`, expect.stringContaining(`${jid}/web1.example.com/`)],
      [`${subject}.return.cmd.run_all.web=20=2A=2E=3E`, expect.stringContaining(`${jid}/web *.>/`)],
    ])
    expect(JSON.stringify(found.map(({ body }) => body))).toBe(JSON.stringify(returns))
  })

  it('holds what another process sends again once, and a return that says something else beside it', async () => {
    const { store, stored, stream, subject } = await open()
    const other = await opened('nats', { servers: server.url, stream, subject })
    const one = returnOf(jid, 'web1', { return: { a: 1, b: 2 } })
    await store.returner([one])
    // Each says itself when it came.
    await other.returner([{ ...JSON.parse(JSON.stringify(one)), _stamp: '2026-11-20T09:18:21.000000' }])
    await other.returner([{ ...one, return: { a: 1, b: 3 } }])
    expect((await stored()).map(({ body }) => (body as StoredReturn).return)).toEqual([
      { a: 1, b: 2 },
      { a: 1, b: 3 },
    ])
  })

  it('is not given again what it took, also where it knows duplicates no longer', async () => {
    const { store, stored, stream, subject, jsm } = await open()
    await jsm.streams.add({ name: stream, subjects: [`${subject}.>`], max_msg_size: 1000 })
    const batch = [returnOf(jid, 'web1'), returnOf(jid, 'bad', { return: 'm'.repeat(2000) }), returnOf(jid, 'web2')]
    expect((await failed(store.returner(batch))).refused).toBe(true)
    await jsm.streams.delete(stream)
    await jsm.streams.add({ name: stream, subjects: [`${subject}.>`], max_msg_size: 1000 })
    await store.returner([batch[0]!, batch[2]!])
    expect((await failed(store.returner(batch))).refused).toBe(true)
    expect(await stored()).toEqual([])
  })

  it('holds each event once, under its tag', async () => {
    const { store, stored, subject } = await open()
    const events = [eventOf('e1'), eventOf('e2', { tag: 'salt/job/1 2/new' })]
    await store.event_return(events)
    await store.event_return(events)
    const found = await stored()
    expect(found.map(message => [message.subject, message.id])).toEqual([
      [`${subject}.event.deploy.done`, 'e1'],
      [`${subject}.event.salt.job.1=202.new`, 'e2'],
    ])
    expect(found.map(({ body }) => body)).toEqual(events)
  })

  it('is made with its bounds where it is missing, and again where it was removed', async () => {
    const { store, stream, subject, jsm, stored } = await open({
      ...{ max_age: '1h', max_bytes: 4 * 1024 * 1024, timeout: '3s' },
    })
    await store.returner([returnOf(jid, 'web1')])
    const { config } = await jsm.streams.info(stream)
    expect(config).toMatchObject({ subjects: [`${subject}.>`], max_age: 3_600_000_000_000, max_bytes: 4_194_304 })
    await jsm.streams.delete(stream)
    expect(await failed(store.returner([returnOf(jid, 'web2')]))).toMatchObject({ refused: false, code: 'unreachable' })
    await store.returner([returnOf(jid, 'web2')])
    expect(await stored()).toHaveLength(1)
  })

  it('is left as others made it', async () => {
    const { store, stream, subject, jsm, stored } = await open({ max_age: '1h' })
    await jsm.streams.add({ name: stream, subjects: [`${subject}.return.>`], max_msgs: 5 })
    await store.returner([returnOf(jid, 'web1')])
    expect((await jsm.streams.info(stream)).config).toMatchObject({ max_age: 0, max_msgs: 5 })
    expect(await stored()).toHaveLength(1)
  })

  it('is not made where that is not wanted, and is waited for', async () => {
    const { store, stream, subject, jsm, stored } = await open({ create: false, timeout: '3s' })
    expect(await failed(store.returner([returnOf(jid, 'web1')]))).toMatchObject({
      ...{ refused: false, code: 'unreachable' },
      message: expect.stringContaining('no stream takes the subject'),
    })
    await jsm.streams.add({ name: stream, subjects: [`${subject}.>`] })
    await store.returner([returnOf(jid, 'web1')])
    expect(await stored()).toHaveLength(1)
  })

  it('takes a batch of a thousand', async () => {
    const { store, stored } = await open()
    await store.returner(Array.from({ length: 1000 }, (_, n) => returnOf(jid, `m${n}`)))
    expect(await stored()).toHaveLength(1000)
  })
})

describe('what a stream cannot take', () => {
  it.each([
    ['is larger than a message', { return: 'm'.repeat(1024 * 1024) }],
    ['has an id with a line break', { id: 'a\r\nNats-Rollup: all' }],
    ['has an id that is no Unicode', { id: '\ud83d' }],
    ['has a function name that no subject can hold', { fun: `a.${'f'.repeat(4000)}` }],
  ])('is refused, and the others are stored: it %s', async (_what, odd) => {
    const { store, stored } = await open()
    const error = await failed(store.returner([returnOf(jid, 'bad', odd), returnOf(jid, 'web1')]))
    expect(error).toMatchObject({ refused: true })
    expect((await stored()).map(({ id }) => id)).toEqual([expect.stringContaining(`${jid}/web1/`)])
  })

  it('is refused where the stream has a bound for messages', async () => {
    const { store, stream, subject, jsm } = await open()
    await jsm.streams.add({ name: stream, subjects: [`${subject}.>`], max_msg_size: 1000 })
    expect(await failed(store.returner([returnOf(jid, 'web1', { return: 'm'.repeat(2000) })]))).toMatchObject({
      refused: true,
    })
  })

  it('comes again where the stream is full', async () => {
    const { store, stream, subject, jsm, stored } = await open()
    await jsm.streams.add({ name: stream, subjects: [`${subject}.>`], max_msgs: 1, discard: 'new' as never })
    await store.returner([returnOf(jid, 'web1')])
    expect(await failed(store.returner([returnOf(jid, 'web2')]))).toMatchObject({
      ...{ refused: false, code: 'store_refused' },
    })
    await jsm.streams.purge(stream)
    await store.returner([returnOf(jid, 'web2')])
    expect(await stored()).toHaveLength(1)
  })
})

describe('the login', () => {
  const seeded = async () => {
    const user = createUser()
    const file = join(await testFolder(), 'user.seed')
    await writeFile(file, user.getSeed())
    await chmod(file, 0o600)
    return { nkey: user.getPublicKey(), file }
  }

  it.each(['user', 'token', 'seed'])('is by %s, and a wrong one says so without its secret', async kind => {
    const { nkey, file } = await seeded()
    const logins = {
      user: [{ user: 'ops', password: 'right-one' }, 'user: ops, password: right-one'],
      token: [{ token: 'right-one' }, 'token: right-one'],
      seed: [{ seed: file }, `users: [{ nkey: ${nkey} }]`],
    } as const
    const [login, config] = logins[kind as keyof typeof logins]
    const own = await startTestServer({ config: `authorization { ${config} }\n` })
    onTestFinished(() => own.stop())
    const store = await opened('nats', { servers: own.url, ...login })
    await store.returner([returnOf(jid, 'web1')])
    const wrong =
      kind === 'seed'
        ? { seed: (await seeded()).file }
        : { ...login, [kind === 'user' ? 'password' : kind]: 'wr0ng-one' }
    const error = await failed((await opened('nats', { servers: own.url, ...wrong })).returner([returnOf(jid, 'web1')]))
    expect(error).toMatchObject({ refused: false, code: 'forbidden' })
    expect(error.message).not.toContain('wr0ng-one')
  })

  it('needs no more rights than to publish, and to look for its stream and make it', async () => {
    const publish = ['returns.>', '$JS.API.STREAM.INFO.RETURNS', '$JS.API.STREAM.CREATE.RETURNS']
    const permissions = (subjects: string[]) => JSON.stringify({ publish: subjects, subscribe: ['_INBOX.>'] })
    const own = await startTestServer({
      config: `authorization { users: [
        { user: all, password: p, permissions: ${permissions(publish)} }
        { user: none, password: p, permissions: ${permissions(publish.slice(1))} }
      ] }\n`,
    })
    onTestFinished(() => own.stop())
    const store = await opened('nats', { servers: own.url, user: 'all', password: 'p' })
    await store.returner([returnOf(jid, 'web1')])
    await store.event_return([eventOf('e1')])
    const without = await opened('nats', { servers: own.url, user: 'none', password: 'p', timeout: '500ms' })
    expect((await failed(without.returner([returnOf(jid, 'web1')]))).refused).toBe(false)
  })

  it('is over TLS, with an authority of its own', async () => {
    const certificates = await testCertificates()
    const { tls } = await startTlsServer(certificates)
    const store = await opened('nats', { servers: tls, tls: { ca: certificates.ca } })
    await store.returner([returnOf(jid, 'web1')])
    const other = await opened('nats', { servers: tls, tls: { ca: await otherAuthority() } })
    expect(await failed(other.returner([returnOf(jid, 'web1')]))).toMatchObject({
      message: expect.stringContaining('signed by an authority that is not trusted'),
    })
  })

  it.each([
    [{}, /'nats.servers' is missing/],
    [{ servers: 'nats://h', user: 'u', token: 't' }, /takes one login/],
    [{ servers: 'nats://h', password: 'p' }, /'nats.user' is missing/],
    [{ servers: 'nats://h', subject: 'a.>' }, /'nats.subject': expected words with dots/],
    [{ servers: 'nats://h', max_age: 'soon' }, /'nats.max_age': 'soon' is not a duration/],
  ])('and the rest of the settings are looked at first: %j', async (settings, message) => {
    await expect(opened('nats', settings)).rejects.toMatchObject({
      code: 'bad_config',
      message: expect.stringMatching(message),
    })
  })
})

it('says within its time that the server is down, and goes on when it is back', async () => {
  const own = await startRestartableServer()
  onTestFinished(() => own.remove())
  const store = await opened('nats', { servers: own.url, timeout: '3s' })
  await own.end()
  expect(await failed(store.returner([returnOf(jid, 'web1')]))).toMatchObject({ refused: false, code: 'unreachable' })
  await own.start()
  await store.returner([returnOf(jid, 'web1')])
  await own.end('SIGKILL')
  expect(await failed(store.returner([returnOf(jid, 'web2')]))).toMatchObject({ refused: false, code: 'unreachable' })
})
