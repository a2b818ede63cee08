// The generated config with a callout: who comes in without it, who hears of logins, and who may answer them.
import { createUser } from '@nats-io/nkeys'
import { connect, type Msg, nkeyAuthenticator } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Accounts, startAccounts } from '../helpers/accounts.ts'
import { createSeen } from '../helpers/wait.ts'

let accounts: Accounts
beforeAll(async () => {
  accounts = await startAccounts()
})
afterAll(() => accounts?.stop())

const logIn = (options: object = {}) =>
  connect({ servers: accounts.server.url, timeout: 15_000, maxReconnectAttempts: 0, ...options })

describe('a login of somebody whom the config does not name', () => {
  it('is asked about in AUTH, with all that it said, and refused by an answer that is not signed', async () => {
    const { callout } = accounts.actors
    const asked = createSeen<Msg>()
    const subscription = callout.nc.subscribe('$SYS.REQ.USER.AUTH', {
      callback: (_, message) => {
        asked.push(message)
        message.respond('not a JWT')
      },
    })
    await callout.nc.flush()
    const key = createUser()
    const byKey = nkeyAuthenticator(key.getSeed())
    const authenticator = (nonce?: string) => ({ ...byKey(nonce), user: 'minion:m9', pass: 'said' })
    await expect(logIn({ authenticator })).rejects.toThrow(/authorization/i)
    const [message] = await asked.reach(1)
    const claims = JSON.parse(Buffer.from(message!.string().split('.')[1]!, 'base64url').toString())
    expect(claims.nats.connect_opts).toMatchObject({ user: 'minion:m9', pass: 'said', nkey: key.getPublicKey() })
    // The answer itself was let through: it is the server that does not believe it.
    await callout.nc.flush()
    expect([...callout.refused]).toEqual([])
    subscription.unsubscribe()
  })

  it('is refused when no callout answers, while those whom it names come in', async () => {
    await expect(logIn()).rejects.toThrow(/authorization/i)
    const { admin, m1, _master } = accounts.actors
    for (const { nc } of [admin, m1, _master]) await nc.flush()
  })
})

describe('logins', () => {
  it.each(['_master', '_jobs', 'm1', 'admin'] as const)('are not heard by %s', async who => {
    for (const subject of ['$SYS.REQ.USER.AUTH', '$SYS.REQ.USER.>', '$SYS.>'])
      expect(await accounts.actors[who].refusedSubscribe(subject), subject).toBe(true)
  })

  it.each(['_master', '_jobs', 'm1', 'admin'] as const)('are not answered by %s', async who => {
    expect(await accounts.actors[who].refusedPublish('$SYS._INBOX.abcdefgh.12345678')).toBe(true)
  })
})

describe('the callout', () => {
  it.each([
    'reactor.event._master.salt.key',
    'reactor.wheel.key.accept',
    '$JS.API.INFO',
    '$SYS.REQ.USER.AUTH',
    '$SYS.REQ.SERVER.PING',
    '$SYS.REQ.ACCOUNT.PING.CONNZ',
    '$SYS.REQ.SERVER.x.RELOAD',
  ])('publishes nothing else: %s', async subject => {
    expect(await accounts.actors.callout.refusedPublish(subject)).toBe(true)
  })

  it.each(['>', '$SYS.>', '$SYS.ACCOUNT.>', 'reactor.>'])('hears nothing else: %s', async subject => {
    expect(await accounts.actors.callout.refusedSubscribe(subject)).toBe(true)
  })
})
