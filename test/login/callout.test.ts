// Against a bare server, where the test asks in the place of the server: what no server would ask, too.
import { createAccount, createServer, createUser } from '@nats-io/nkeys'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createSigner } from '../../src/bus/nkey.ts'
import { startCallout } from '../../src/login/callout.ts'
import type { LoginRequest, UserClaims } from '../../src/login/jwt.ts'
import { keptLog } from '../helpers/core.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { createGate, createSeen, within } from '../helpers/wait.ts'
import { keyLogin, requestClaims, requestToken, seedOf, signedBy } from './requests.ts'

const SUBJECT = '$SYS.REQ.USER.AUTH'
const issuer = createSigner(seedOf(createAccount()), 'account')
const USER: UserClaims = { name: 'x', account: 'OPS', permissions: { publish: ['a'], subscribe: ['b'] }, expires: 2e9 }

let server: TestServer
let nc: NatsConnection
let asking: NatsConnection
let callouts: { stop(): Promise<void> }[] = []
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())
beforeEach(async () => {
  callouts = []
  ;[nc, asking] = await Promise.all([connect({ servers: server.url }), connect({ servers: server.url })])
})
afterEach(async () => {
  await Promise.all(callouts.map(callout => callout.stop()))
  await Promise.all([nc.close(), asking.close()])
})

interface Deciding {
  operators?: (request: LoginRequest) => Promise<UserClaims | undefined>
  minions?: (id: string, request: LoginRequest) => Promise<UserClaims | undefined>
  maxInHand?: number
  maxWaitedMs?: number
  nc?: NatsConnection
  onServer?: (name: string) => void
}

async function start({ operators = async () => USER, minions = async () => undefined, ...more }: Deciding = {}) {
  const { log, lines } = keptLog()
  callouts.push(startCallout({ nc, issuer, operators, minions, log, ...more }))
  await nc.flush()
  return lines
}

const said = (token: string) => JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()).nats
const ask = async (body: string) => said((await asking.request(SUBJECT, body, { timeout: 30_000 })).string())
const login = () => requestToken(keyLogin(createUser()))

describe('the callout', () => {
  it('tells which servers ask, by their names', async () => {
    const server = createServer()
    const claims = requestClaims({ user: 'ada' }, server)
    const named = { ...claims, nats: { ...claims.nats, server_id: { ...claims.nats.server_id, name: 'n2' } } }
    const names: string[] = []
    await start({ onServer: name => names.push(name) })
    await ask(signedBy(server, named))
    expect(names).toEqual(['n2'])
    // One that another signed is none of the server's.
    asking.publish(SUBJECT, signedBy(createServer(), { ...named, iss: server.getPublicKey() }))
    await ask(login())
    expect(names).toHaveLength(2)
    expect(names[1]).not.toBe('n2')
  })

  it('asks of minions and of operators by the user that they name', async () => {
    const seen = createSeen<string>()
    await start({
      minions: async id => void seen.push(`minion ${id}`),
      operators: async ({ user }) => void seen.push(`operator ${user}`),
    })
    for (const user of ['minion:web1', 'ada', 'minion:', undefined]) await ask(requestToken({ user }))
    expect(seen.items).toEqual(['minion web1', 'operator ada', 'minion ', 'operator undefined'])
  })

  it('lets in with a user, and refuses without saying why', async () => {
    let user: UserClaims | undefined = USER
    await start({ operators: async () => user })
    expect(await ask(login())).toHaveProperty('jwt')
    user = undefined
    expect(await ask(login())).toEqual({ error: 'refused', type: 'authorization_response', version: 2 })
  })

  it('refuses where the decision throws, and goes on', async () => {
    let fails = true
    const lines = await start({
      operators: async () => {
        if (fails) throw new Error('the store is away')
        return USER
      },
    })
    expect(await ask(login())).toMatchObject({ error: 'refused' })
    await lines.find(({ error }) => error === 'the store is away', 'the reason in the log')
    fails = false
    expect(await ask(login())).toHaveProperty('jwt')
  })

  it.each(['', 'x', '{}', 'a.b.c', `${login()}x`, '\u0000', signedBy(createAccount(), requestClaims())])(
    'does not answer what is no request, tells of it, and goes on (%#)',
    async body => {
      const lines = await start()
      const answers = createSeen<string>()
      asking.subscribe('answers', { callback: (_error, message) => answers.push(message.string()) })
      asking.publish(SUBJECT, body, { reply: 'answers' })
      asking.publish(SUBJECT, login(), { reply: 'answers' })
      await answers.reach(1)
      await lines.find(({ problem }) => typeof problem === 'string', 'a line in the log')
      await asking.flush()
      expect(answers.items.map(said)).toEqual([expect.objectContaining({ jwt: expect.any(String) })])
    },
  )

  it('refuses leaf nodes and MQTT', async () => {
    await start()
    for (const info of [{ kind: 'Leafnode' }, { kind: 'Client', type: 'mqtt' }, { kind: 'Router' }]) {
      const pair = createServer()
      const claims = requestClaims(keyLogin(createUser()), pair)
      const client_info = { ...claims.nats.client_info, ...info }
      expect(await ask(signedBy(pair, { ...claims, nats: { ...claims.nats, client_info } }))).toMatchObject({
        error: 'refused',
      })
    }
    const pair = createServer()
    const claims = requestClaims({}, pair)
    const client_info = { ...claims.nats.client_info, type: 'websocket' }
    expect(await ask(signedBy(pair, { ...claims, nats: { ...claims.nats, client_info } }))).toHaveProperty('jwt')
  })

  it('has so many logins in hand and does not answer those beyond', async () => {
    const gate = createGate()
    const deciding = createSeen<string>()
    const lines = await start({
      maxInHand: 2,
      operators: async ({ user = '' }) => {
        deciding.push(user)
        await gate.passed
        return USER
      },
    })
    const answers = createSeen<string>()
    asking.subscribe('full.*', { callback: (_error, message) => answers.push(message.subject) })
    for (const n of [1, 2, 3]) asking.publish(SUBJECT, requestToken({ user: `u${n}` }), { reply: `full.${n}` })
    await lines.find(({ msg }) => msg.includes('in hand at once'), 'the warning')
    gate.open()
    await answers.reach(2)
    asking.publish(SUBJECT, requestToken({ user: 'u4' }), { reply: 'full.4' })
    await answers.find(subject => subject === 'full.4', 'the answer to one that came later')
    expect(answers.items).toEqual(['full.1', 'full.2', 'full.4'])
    expect(deciding.items).toEqual(['u1', 'u2', 'u4'])
  })

  it('passes over what has waited too long to be read', async () => {
    // Pings without an answer: what comes is older than they are.
    const behind = Object.create(nc, { flush: { value: () => new Promise(() => undefined) } }) as NatsConnection
    const deciding = createSeen<string>()
    const operators = async ({ user = '' }: LoginRequest) => {
      deciding.push(user)
      return USER
    }
    const lines = await start({ nc: behind, maxWaitedMs: 0, operators })
    expect(await ask(requestToken({ user: 'in-time' }))).toHaveProperty('jwt')
    asking.publish(SUBJECT, requestToken({ user: 'late' }), { reply: 'nobody' })
    await lines.find(({ msg }) => msg.includes('passed over'), 'the warning')
    expect(deciding.items).toEqual(['in-time'])
  })

  it('answers each login once, however many masters there are', async () => {
    const deciding = createSeen<string>()
    const operators = async ({ user = '' }: LoginRequest) => {
      deciding.push(user)
      return USER
    }
    for (let n = 0; n < 3; n++) await start({ operators })
    const answers = createSeen<string>()
    asking.subscribe('once.*', { callback: (_error, message) => answers.push(message.subject) })
    const asked = Array.from({ length: 30 }, (_, n) => `${n}`)
    for (const n of asked) asking.publish(SUBJECT, requestToken({ user: n }), { reply: `once.${n}` })
    await answers.reach(30)
    await Promise.all([asking.flush(), nc.flush()])
    expect(deciding.items.toSorted()).toEqual(asked.toSorted())
    expect(answers.items).toHaveLength(30)
  })

  it('answers what is in hand when it stops, and takes no more', async () => {
    const gate = createGate()
    const began = createGate()
    await start({
      operators: async () => {
        began.open()
        await gate.passed
        return USER
      },
    })
    const answer = ask(login())
    await within(began.passed, 'the decision')
    const stopped = callouts[0]!.stop()
    await nc.flush()
    await expect(ask(login())).rejects.toThrow(/no responders/i)
    gate.open()
    expect(await answer).toHaveProperty('jwt')
    await stopped
  })
})
