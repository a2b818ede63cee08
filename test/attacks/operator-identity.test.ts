// An operator who wants to be somebody else, or to stay who they were: names and keys of others, roles that are taken away,
// passwords that are guessed.
import { createUser, type KeyPair } from '@nats-io/nkeys'
import type { NatsConnection } from '@nats-io/transport-node'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import { openBucket } from '../../src/bus/bucket.ts'
import { connectBus } from '../../src/bus/connect.ts'
import { operatorInbox, serviceInbox } from '../../src/protocol/inbox.ts'
import { bucketNames } from '../../src/protocol/streams.ts'
import { within } from '../helpers/wait.ts'
import { attackWith } from './attacker.ts'
import { eventsFrom, ping, refusalsFrom } from './harm.ts'
import { addOperator, ask, expectRefused, PASSWORD, passwordHash, publish, works } from './operators.ts'
import { type System, signed, startSystem } from './system.ts'
import { knock, type Outcome } from './wire.ts'

const CONFIG = {
  roles: {
    web: [{ 'web*': ['test.*'] }, { '@events': ['deploy/**'] }, { '@fire': ['deploy/**'] }, { '@runner': ['test.*'] }],
    narrow: [{ web1: ['test.*'] }],
    helpdesk: [{ '@wheel': ['user.list', 'minions.connected'] }],
  },
}

let system: System
beforeAll(async () => {
  system = await startSystem({ config: CONFIG })
})
afterAll(() => system?.stop())
afterEach(async () => expect(await ping(system)).toEqual(['web1', 'web2']))

const user = (fun: string, name: string, kwarg: Record<string, unknown> = {}) =>
  system.run('wheel', `user.${fun}`, [name], kwarg)
/** That the server hangs up, as soon as the issue says. */
const cut = (nc: NatsConnection) => within(nc.closed(), 'the end of the connection')
const login = (name: string) => system.asOperator(name, { password: PASSWORD })

describe('an operator whose rights are taken away while connected', () => {
  it('is cut off when removed, does nothing from then on, and comes in no more', async () => {
    const ann = await addOperator(system, 'ann', 'web')
    await works(system, ann, { tgt: 'web*', fun: 'test.ping' })
    const refusal = refusalsFrom(system)
    await user('remove', 'ann')
    await cut(ann)
    await expect(login('ann')).rejects.toThrow(/Authorization/)
    await refusal('ann', /no such name and password/)
  })

  it('is refused at once, however fast they ask: roles are looked up at each request', async () => {
    const bea = await addOperator(system, 'bea', 'web')
    await works(system, bea, { tgt: 'web2', fun: 'test.ping' })
    const next = eventsFrom(system)
    const removed = user('remove', 'bea').then(() => true)
    // Until the connection is cut.
    const answers: unknown[] = []
    for (let open = true; open && !bea.isClosed(); )
      await publish(bea, { tgt: 'web2', fun: 'test.ping' }).then(
        answer => answers.push(answer.error?.code ?? 'ok'),
        () => {
          open = false
        },
      )
    expect(await removed).toBe(true)
    const { data } = await next(
      ({ tag, data }) => tag === 'salt/audit/user' && data.action === 'user.remove',
      'the record',
    )
    expect(data).toMatchObject({ user: 'admin', about: ['bea'], result: 'ok' })
    // Once refused, never let through again.
    expect(answers.join(' ')).toMatch(/^(ok ?)*(forbidden ?)*$/)
    await cut(bea)
  })

  it('is cut off when narrowed, and comes back to the narrower role alone', async () => {
    const cay = await addOperator(system, 'cay', 'web')
    await works(system, cay, { tgt: 'web2', fun: 'test.ping' })
    expect(await attackWith(cay).refusedSubscribe('reactor.live.*.deploy.>')).toBe(false)
    await user('change', 'cay', { roles: 'narrow' })
    await cut(cay)
    const again = await login('cay')
    await works(system, again, { tgt: 'web1', fun: 'test.ping' })
    await expectRefused({ system, user: 'cay', kind: 'publish', action: 'test.ping', reason: /web2/ }, () =>
      publish(again, { tgt: 'web2', fun: 'test.ping' }),
    )
    const attacker = attackWith(again)
    expect(await attacker.refusedSubscribe('reactor.live.*.deploy.>')).toBe(true)
    expect(await attacker.refusedPublish('reactor.event._user-cay.deploy.x')).toBe(true)
    expect(await ask(again, 'reactor.runner.test.arg', [])).toMatchObject({ error: { code: 'forbidden' } })
  })

  it('is cut off when the password is another, and comes in by the new one alone', async () => {
    const dee = await addOperator(system, 'dee', 'web')
    await works(system, dee, { tgt: 'web1', fun: 'test.ping' })
    const pair = createUser()
    await user('change', 'dee', { nkey: pair.getPublicKey() })
    await cut(dee)
    await expect(login('dee')).rejects.toThrow(/Authorization/)
    await works(system, await system.asOperator('dee', { pair }), { tgt: 'web1', fun: 'test.ping' })
    await user('change', 'dee', { password_hash: await passwordHash() })
    await expect(system.asOperator('dee', { pair })).rejects.toThrow(/Authorization/)
    await works(system, await login('dee'), { tgt: 'web1', fun: 'test.ping' })
  })

  it('is let in by no role that is configured no more', async () => {
    const eli = await addOperator(system, 'eli', 'web')
    await works(system, eli, { tgt: 'web1', fun: 'test.ping' })
    // As after a restart with a config that has lost the role.
    const bus = await connectBus({
      ...{ servers: system.server.url, namespace: 'reactor', name: 'master', inboxPrefix: serviceInbox('_master') },
      ...{ seedFile: `${system.dir}/keys/master.nk`, patient: false, log: silentLog },
    })
    const bucket = await openBucket(bus.nc, bucketNames('reactor').users, { replicas: 1 })
    const entry = (await bucket.get('eli'))!.json<Record<string, unknown>>()
    await bucket.put('eli', JSON.stringify({ ...entry, roles: ['gone', 'constructor', '__proto__'] }))
    await bus.close()
    await cut(eli)
    const again = await login('eli')
    for (const fun of ['test.ping', 'cmd.run'])
      await expectRefused({ system, user: 'eli', kind: 'publish', action: fun }, () =>
        publish(again, { tgt: 'web1', fun }),
      )
    expect(await ask(again, 'reactor.wheel.user.list', [])).toMatchObject({ error: { code: 'forbidden' } })
    expect(await attackWith(again).refusedSubscribe('reactor.live.>')).toBe(true)
  })
})

describe('nobody becomes an operator with', () => {
  const bad = async (kwarg: Record<string, unknown>, reason: RegExp) => {
    const before = await system.run('wheel', 'user.list')
    const next = eventsFrom(system)
    const all = { roles: 'web', password_hash: await passwordHash(), ...kwarg }
    const { error } = await ask(system.admin, 'reactor.wheel.user.add', all)
    expect(error).toMatchObject({ code: 'bad_argument', message: expect.stringMatching(reason) })
    const record = await next(({ tag, data }) => tag === 'salt/audit/wheel' && data.action === 'user.add', 'the record')
    expect(record.data).toMatchObject({ user: 'admin', result: 'failed' })
    expect(await system.run('wheel', 'user.list')).toEqual(before)
  }

  it.each([
    '_master',
    '_user-admin',
    'rule:x',
    'schedule:nightly',
    'peer:web1',
    'runner:jobs.kill',
    'minion:web1',
    'a b',
    'a\nb',
    'a/b',
    'a\u0000',
    '*',
    '>',
    'a.>',
    '.a',
    '-a',
    '',
    'x'.repeat(65),
    'аdmin',
    'ａdmin',
    'admin\u200b',
    '__proto__',
    'U'.concat('A'.repeat(55)),
  ])('the name %j', name => bad({ name }, /is no operator's name/))

  it('the name of a static operator', () => bad({ name: 'admin' }, /'admin' is a static operator/))

  it('the public key of the static admin as a name', async () => {
    const [nkey] = Object.keys(system.config().operators)
    await bad({ name: nkey }, /is no operator's name/)
  })

  it('the key of the static admin', async () => {
    const [nkey] = Object.keys(system.config().operators)
    await bad({ name: 'kim', nkey, password_hash: null }, /is operator 'admin'|expected/)
  })

  it.each(['nobody', 'Admin', '*', '__proto__', 'constructor', '', 'web,nobody'])('the role %j', role =>
    bad({ name: 'kim', roles: role }, /there is no role/),
  )

  it('a key and a password, no login at all, or what is no hash', async () => {
    const pair = createUser()
    await bad({ name: 'kim', nkey: pair.getPublicKey() }, /give one of them/)
    for (const hash of [
      'correct horse',
      'scrypt$1$1$1$x$y',
      'scrypt$31$8$1$'.concat('A'.repeat(22), '$', 'A'.repeat(43)),
    ])
      await bad({ name: 'kim', password_hash: hash }, /is no hash of a password/)
  })

  it("another's key", async () => {
    const pair = createUser()
    await user('add', 'lou', { roles: 'web', nkey: pair.getPublicKey() })
    await works(system, await system.asOperator('lou', { pair }), { tgt: 'web1', fun: 'test.ping' })
    const { error } = await ask(system.admin, 'reactor.wheel.user.add', {
      name: 'mia',
      roles: 'admin',
      nkey: pair.getPublicKey(),
    })
    expect(error).toMatchObject({ code: 'bad_argument', message: expect.stringContaining("'lou'") })
    await user('add', 'mia', { roles: 'narrow', password_hash: await passwordHash() })
    const change = await ask(system.admin, 'reactor.wheel.user.change', { name: 'mia', nkey: pair.getPublicKey() })
    expect(change.error).toMatchObject({ code: 'bad_argument', message: expect.stringContaining("'lou'") })
  })
})

describe('an operator does not come in', () => {
  let pair: KeyPair
  beforeAll(async () => {
    pair = createUser()
    await user('add', 'ola', { roles: 'narrow', nkey: pair.getPublicKey() })
    await user('add', 'pia', { roles: 'web', password_hash: await passwordHash() })
  })
  const inbox = `${operatorInbox('ola')}.x`
  /** Both ways in are open; the one that is tried is not, and its record names who was said to come. */
  const refused = async (said: string, words: (nonce: string | undefined) => object) => {
    await works(system, await system.asOperator('ola', { pair }), { tgt: 'web1', fun: 'test.ping' })
    const refusal = refusalsFrom(system)
    await expect(system.raw({ authenticator: words as never, inboxPrefix: inbox })).rejects.toThrow(/Authorization/)
    await refusal(said, /./)
  }

  it("under another's name with their own key", () =>
    refused('pia', nonce => ({ ...signed(pair, nonce), user: 'pia' })))
  it("under another's name with their own key and the other's password", () =>
    refused('pia', nonce => ({ ...signed(createUser(), nonce), user: 'pia', pass: PASSWORD })))
  it("with the admin's name and their own key", () =>
    refused('admin', nonce => ({ ...signed(pair, nonce), user: 'admin', pass: '' })))
  it("with the admin's public key and their own signature", async () => {
    await works(system, await system.asOperator('ola', { pair }), { tgt: 'web1', fun: 'test.ping' })
    const [nkey] = Object.keys(system.config().operators)
    const forged = system.raw({ authenticator: nonce => ({ nkey, sig: signed(pair, nonce).sig }) as never })
    await expect(forged).rejects.toThrow(/Authorization/)
    // The server knows static users by itself, and asks nobody.
    expect((await system.server.log()).includes(`authentication error - Nkey "${nkey}"`)).toBe(true)
  })
  it('as a minion with the key of an operator', async () => {
    await expect(system.asMinion('web1', pair)).rejects.toThrow(/Authorization/)
    await system.events.find(
      ({ tag, data }) => tag === 'salt/auth' && data.id === 'web1' && data.act === 'denied',
      'a denied key of web1',
    )
    await system.run('wheel', 'key.delete_dict', [{ minions_denied: ['web1'] }])
  })
  it('with the key of a minion', async () => {
    const refusal = refusalsFrom(system)
    await expect(system.asOperator('evil', { pair: system.evil })).rejects.toThrow(/Authorization/)
    await refusal('', /no operator has this key/)
  })
})

describe('an operator with some rights over operators', () => {
  it.each<[string, string, unknown[]]>([
    ['gives themselves a role', 'change', ['quin', 'admin']],
    ['gives another a role', 'change', ['rae', 'admin']],
    ['adds an operator', 'add', ['sam', 'admin', createUser().getPublicKey()]],
    ['removes one', 'remove', ['rae']],
  ])('never %s by the right to see them', async (_what, fun, arg) => {
    const { quin } = helpdesk
    expect(await ask(quin, 'reactor.wheel.user.list', [])).not.toHaveProperty('error')
    const before = await system.run('wheel', 'user.list')
    await expectRefused({ system, user: 'quin', kind: 'wheel', action: `user.${fun}` }, () =>
      ask(quin, `reactor.wheel.user.${fun}`, arg),
    )
    expect(await system.run('wheel', 'user.list')).toEqual(before)
  })

  const helpdesk = {} as { quin: NatsConnection }
  beforeAll(async () => {
    helpdesk.quin = await addOperator(system, 'quin', 'helpdesk')
    await addOperator(system, 'rae', 'narrow')
  })
})

describe('guessing passwords', () => {
  it('by many at once, from elsewhere, is bounded and recorded; others come in meanwhile, that operator too', async () => {
    const pair = createUser()
    await user('add', 'tom', { roles: 'web', password_hash: await passwordHash() })
    await user('add', 'uli', { roles: 'web', nkey: pair.getPublicKey() })
    const refusal = refusalsFrom(system)
    let left = 40
    const guesses: Outcome[] = []
    const guess = async () => {
      while (left-- > 0)
        guesses.push(await knock(system.server.url, () => ({ user: 'tom', pass: `guess ${left}` }), '127.0.0.2'))
    }
    const guessing = Promise.all(Array.from({ length: 20 }, guess))
    await works(system, await system.asOperator('uli', { pair }), { tgt: 'web1', fun: 'test.ping' })
    await works(system, await login('tom'), { tgt: 'web1', fun: 'test.ping' })
    await works(system, system.admin, { tgt: 'web1', fun: 'test.ping' })
    await guessing
    expect(guesses.filter(outcome => outcome.in)).toEqual([])
    const { data } = await refusal('tom', /./)
    expect(data.source).toBe('127.0.0.2')
    const records = system.events.items.filter(
      ({ tag, data }) => tag === 'salt/audit/login' && data.result === 'refused',
    )
    expect(records.length).toBeLessThanOrEqual(61)
    expect(JSON.stringify(records)).not.toContain('guess ')
  })
})
