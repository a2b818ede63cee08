// Coming in: without a key, with a key that is not accepted or not one's own, with somebody else's name or password.
import { createAccount, createUser } from '@nats-io/nkeys'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hashPassword } from '../../src/operators/password.ts'
import { signedBy } from '../login/requests.ts'
import { authFrom, harmless, keyLists, refusedLogin, serverLogFrom } from './harm.ts'
import { type System, startSystem } from './system.ts'
import { asMinion, byKey, knock, openWire, type RawKey, rawKey, stolenKey, type Words } from './wire.ts'

let system: System
/** Accepted as `known1`, `known2`, …: a refusal is told once a minute for each id, so each attack has one. */
const known = rawKey()
const kim = rawKey()
const PASSWORD = { ann: 'correct horse' }
beforeAll(async () => {
  system = await startSystem()
  for (let n = 1; n <= 30; n++) await system.run('wheel', 'key.accept_key', [`known${n}`, known.nkey])
  const password_hash = await hashPassword(PASSWORD.ann)
  await system.run('wheel', 'user.add', ['ann'], { roles: 'reader', password_hash })
  await system.run('wheel', 'user.add', ['kim'], { roles: 'reader', nkey: kim.nkey })
})
afterAll(() => system?.stop())

type Login = (nonce: string) => Words
const login = (words: Login) => knock(system.server.url, words)
const refused = (...attack: [honest: Login, attack: Login, user: string, reason: RegExp]) =>
  refusedLogin(system, ...attack)

const annIn: Login = () => ({ user: 'ann', pass: PASSWORD.ann })
const kimIn: Login = nonce => byKey(kim)(nonce)

describe('nobody comes in', () => {
  it('without credentials', () => refused(kimIn, () => ({}), '', /neither a key nor a name/))

  it('with a token where a password belongs', () =>
    refused(annIn, () => ({ auth_token: PASSWORD.ann }), '', /neither a key nor a name/))

  it('with a key that nobody knows and no name', () => refused(kimIn, byKey(rawKey()), '', /no operator has this key/))

  it('with a key that nobody has accepted; it is listed as pending', async () => {
    const stranger = rawKey()
    const told = authFrom(system)
    expect(await harmless(system, () => login(asMinion('stranger', stranger)))).toMatchObject({ in: false })
    expect((await told('pend', 'stranger')).data.pub).toBe(stranger.nkey)
    expect((await keyLists(system)).minions_pre).toEqual(['stranger'])
    await system.run('wheel', 'key.accept', ['stranger'])
    expect(await login(asMinion('stranger', stranger))).toMatchObject({ in: true })
    await system.run('wheel', 'key.delete', ['stranger'])
  })
})

describe('a key that is known, and not held, lets nobody in', () => {
  const unproved = /does not prove that it holds the key/
  const minion = (id: string, words: Login): Promise<void> =>
    refused(
      asMinion(id, known),
      nonce => ({ user: `minion:${id}`, pass: '', ...words(nonce) }),
      `minion:${id}`,
      unproved,
    )
  const { nkey } = known

  it('without a signature', () => minion('known1', () => ({ nkey })))
  it('with an empty signature', () => minion('known2', () => ({ nkey, sig: '' })))
  it('with a signature by another key', () => minion('known3', nonce => ({ nkey, sig: rawKey().sig(nonce) })))
  it('with a signature that was seen at a login of its owner', async () => {
    let seen: Words = {}
    const overheard: Login = nonce => {
      seen = byKey(known)(nonce)
      return { ...seen, user: 'minion:known4' }
    }
    const owner = await login(overheard)
    expect(owner).toMatchObject({ in: true })
    await minion('known4', () => seen)
  })
  it('with a signature over the nonce of another connection that is still open', async () => {
    const other = await openWire(system.server.url)
    await minion('known5', () => ({ nkey, sig: known.sig(other.nonce) }))
    other.end()
  })
  it('with a signature over nothing', () => minion('known6', () => ({ nkey, sig: known.sig('') })))
  it.each<[string, string, (right: string) => string]>([
    ['known7', 'that is no base64', () => '%%%%'],
    ['known8', 'that is cut short', right => right.slice(0, 40)],
    ['known9', 'with bytes behind it', right => right + right],
    ['known10', 'of zeros', () => Buffer.alloc(64).toString('base64')],
    ['known11', 'with one bit changed', right => (right.startsWith('A') ? 'B' : 'A') + right.slice(1)],
    ['known12', 'with a line break in it', right => `${right.slice(0, 20)}\n${right.slice(20)}`],
  ])('%s: with a signature %s', (id, _what, alter) => minion(id, nonce => ({ nkey, sig: alter(known.sig(nonce)) })))
  it.each<[string, string, string]>([
    ['known13', 'in small letters', nkey.toLowerCase()],
    ['known14', 'with a space behind it', `${nkey} `],
    ['known15', 'with a wrong checksum', nkey.slice(0, -1) + (nkey.endsWith('A') ? 'B' : 'A')],
    ['known16', 'of an account', createAccount().getPublicKey()],
    ['known17', 'that is a word', 'UNOTAKEY'],
    ['known18', 'that is a seed', new TextDecoder().decode(createUser().getSeed())],
  ])('%s: under a key %s', (id, _what, spelled) => minion(id, nonce => ({ nkey: spelled, sig: known.sig(nonce) })))
  it("an operator's, with a signature by another", () =>
    refused(kimIn, nonce => ({ nkey: kim.nkey, sig: known.sig(nonce) }), '', /a key that the login does not prove/))
  it("an operator's, with another's name and password", () =>
    refused(
      kimIn,
      () => ({ nkey: kim.nkey, sig: '', user: 'ann', pass: PASSWORD.ann }),
      'ann',
      /a key that the login does not prove/,
    ))

  // The server decides on the keys of its config by itself.
  it.each(['master', 'jobs', 'cache', 'reactor', 'callout', 'admin'])(
    "the static user %s's: without a signature, by another, under a minion's name, as a name",
    async name => {
      const own = stolenKey(system, name)
      expect(await login(byKey(own))).toMatchObject({ in: true })
      const pretended: Login[] = [
        () => ({ nkey: own.nkey }),
        nonce => ({ nkey: own.nkey, sig: known.sig(nonce) }),
        nonce => ({ nkey: own.nkey, sig: known.sig(nonce), user: 'minion:known19' }),
        () => ({ user: own.nkey, pass: own.nkey }),
      ]
      const logged = await serverLogFrom(system)
      const outcomes = await harmless(system, () => Promise.all(pretended.map(login)))
      for (const outcome of outcomes)
        expect(outcome).toMatchObject({ in: false, said: expect.stringMatching(/Authorization Violation/) })
      await logged(new RegExp(`(authentication error - (Nkey|User) "${own.nkey}"[^]*){4}`))
    },
  )
})

describe('a name is for its own key', () => {
  it("web1's name with the attacker's own accepted key is denied, and shown", async () => {
    const evil = evilKey()
    expect(await login(asMinion('evil', evil))).toMatchObject({ in: true })
    const told = authFrom(system)
    expect(await harmless(system, () => login(asMinion('web1', evil)))).toMatchObject({ in: false })
    expect((await told('denied', 'web1')).data).toMatchObject({ result: false, pub: evil.nkey })
    expect((await keyLists(system)).minions_denied).toEqual(['web1'])
    await system.run('wheel', 'key.delete_dict', [{ minions_denied: ['web1'] }])
  })
  it("a minion's name without a key", () =>
    refused(kimIn, () => ({ user: 'minion:known20', pass: PASSWORD.ann }), 'minion:known20', /it names no key/))
  it("a minion's name without anything", () =>
    refused(kimIn, () => ({ user: 'minion:known21' }), 'minion:known21', /it names no key/))
  it("an operator's name with a minion's key", () =>
    refused(kimIn, byKey(known, { user: 'ann' }), 'ann', /no operator has this key/))
  it("an operator's name and password with a minion's key", () =>
    refused(kimIn, byKey(known, { user: 'ann', pass: PASSWORD.ann }), 'ann', /no operator has this key/))
  it("an operator's key with another operator's name", () =>
    refused(kimIn, byKey(kim, { user: 'ann', pass: PASSWORD.ann }), 'ann', /no operator has this key/))
  it("a minion's key alone, as if it were an operator's", () =>
    refused(kimIn, byKey(known), '', /no operator has this key/))
  it("an operator's key under a minion's name makes no operator", async () => {
    const told = authFrom(system)
    expect(await login(kimIn)).toMatchObject({ in: true })
    expect(await harmless(system, () => login(asMinion('known22', kim)))).toMatchObject({ in: false })
    expect((await told('denied', 'known22')).data.pub).toBe(kim.nkey)
  })
})

describe('what comes beside the key', () => {
  const malformed = /what it says beside its key is malformed/
  const base64url = (text: string) => Buffer.from(text).toString('base64url')

  it.each([
    ['known23', 'no base64', '{"join": "x"}'],
    ['known24', 'half of a JSON', base64url('{"join":')],
    ['known25', 'a list', base64url('["rjt_x"]')],
    ['known26', 'null', base64url('null')],
    ['known27', 'a token that is no text', base64url('{"join": {"$ne": ""}}')],
    ['known28', 'grains that are no texts', base64url('{"grains": {"os": ["x"]}}')],
    ['known29', 'two thousand brackets', base64url('['.repeat(2000))],
  ])('%s: is %s, and lets nobody in', (id, _what, pass) =>
    refused(asMinion(id, known), byKey(known, { user: `minion:${id}`, pass }), `minion:${id}`, malformed),
  )

  it('a __proto__ among the grains changes nothing', async () => {
    const pass = base64url('{"__proto__": {"join": "rjt_x"}, "grains": {"__proto__": "x", "constructor": "y"}}')
    const key = rawKey()
    const told = authFrom(system)
    expect(await harmless(system, () => login(byKey(key, { user: 'minion:proto', pass })))).toMatchObject({ in: false })
    await told('pend', 'proto')
    expect({}).not.toHaveProperty('join')
    await system.run('wheel', 'key.delete', ['proto'])
  })

  it('10 KB of it end the connection before anybody is asked', async () => {
    const logged = await serverLogFrom(system)
    const pass = encodeURIComponent('x'.repeat(10_240))
    const outcome = await harmless(system, () => login(byKey(known, { user: 'minion:known30', pass })))
    expect(outcome).toMatchObject({ in: false, said: expect.stringMatching(/Maximum Control Line/i) })
    await logged(/maximum control line/i)
  })

  it.each<[string, Words]>([
    ['a number for a user', { user: 5, pass: 'x' }],
    ['a map for a password', { user: 'ann', pass: { $gt: '' } }],
    ['a list for a key', { nkey: [known.nkey], sig: 'x' }],
  ])('%s ends the connection', async (_what, words) => {
    const logged = await serverLogFrom(system)
    expect(await harmless(system, () => login(() => words))).toMatchObject({ in: false })
    await logged(/cannot unmarshal/)
  })
})

describe('a JWT of the attacker lets nobody in', () => {
  /** As the callout makes them for an operator who may do everything, signed by whom one likes. */
  const jwtOf = (holder: RawKey, account: string) =>
    signedBy(createAccount(), {
      iat: Math.floor(Date.now() / 1000),
      iss: createAccount().getPublicKey(),
      jti: 'x',
      sub: holder.nkey,
      name: 'admin',
      aud: account,
      nats: { pub: { allow: ['>'] }, sub: { allow: ['>'] }, subs: -1, data: -1, payload: -1, type: 'user', version: 2 },
    })

  it.each(['CORE', 'OPS', 'SYS', 'AUTH'])('for %s, signed by an account of their own', account => {
    const key = rawKey()
    return refused(kimIn, byKey(key, { jwt: jwtOf(key, account) }), '', /no operator has this key/)
  })
  it('without a signature of its holder', () =>
    refused(kimIn, () => ({ jwt: jwtOf(known, 'OPS') }), '', /neither a key nor a name/))
  it('beside an accepted key gives that key no more than it has', async () => {
    const evil = evilKey()
    const logged = await serverLogFrom(system)
    const outcome = await harmless(system, () => login(asMinionWith(evil, { jwt: jwtOf(evil, 'CORE') })))
    if (!outcome.in) throw new Error(outcome.said)
    expect(await outcome.wire.ask('SUB $JS.API.> 1\r\nSUB reactor.live.> 2\r\nSUB reactor.job.evil 3\r\n')).toEqual([
      expect.stringMatching(/Permissions Violation.*\$JS\.API/),
      expect.stringMatching(/Permissions Violation.*reactor\.live/),
    ])
    await logged(/Subscription Violation.*\$JS\.API/)
    outcome.wire.end()
  })

  it.each(['CORE', 'OPS', 'SYS', 'AUTH', 'NEW'])(
    'nor does an accepted key come into %s by asking for it',
    async account => {
      const evil = evilKey()
      expect(await login(asMinionWith(evil, {}))).toMatchObject({ in: true })
      const logged = await serverLogFrom(system)
      const outcomes = await harmless(system, () =>
        Promise.all([{ account }, { account, new_account: true }].map(more => login(asMinionWith(evil, more)))),
      )
      expect(outcomes).toMatchObject([{ in: false }, { in: false }])
      await logged(/authentication error - User "evil"/)
    },
  )
})

const evilKey = (): RawKey => ({
  nkey: system.evil.getPublicKey(),
  sig: nonce => Buffer.from(system.evil.sign(Buffer.from(nonce))).toString('base64'),
})
const asMinionWith =
  (key: RawKey, more: Words): Login =>
  nonce => ({ ...asMinion('evil', key)(nonce), ...more })
