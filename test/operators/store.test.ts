import { createUser } from '@nats-io/nkeys'
import type { NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import { mirrorBucket, openBucket } from '../../src/bus/bucket.ts'
import { createOperatorLogin } from '../../src/operators/login.ts'
import { createPasswordCheck, hashPassword } from '../../src/operators/password.ts'
import { readRoles } from '../../src/operators/roles.ts'
import { openOperators } from '../../src/operators/store.ts'
import { ALL_GRANTS, NO_GRANTS } from '../../src/protocol/role.ts'
import { bucketNames } from '../../src/protocol/streams.ts'
import { keptLog, openCore } from '../helpers/core.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { createSeen } from '../helpers/wait.ts'

let server: TestServer
let hash: string
beforeAll(async () => {
  server = await startTestServer()
  hash = await hashPassword('correct horse')
})
afterAll(() => server.stop())

const newKey = () => createUser().getPublicKey()
const STATIC = newKey()
const roles = (config = {}) => readRoles(config, { nodegroups: {}, pillar: false })
const CONFIG = { ops: ['test.*'], web: [{ 'web*': ['cmd.run'] }] }

async function start() {
  const core = await openCore(server)
  const open = async (config: object = CONFIG, log = silentLog) => {
    const store = await openOperators({
      ...{ nc: core.nc, namespace: core.ns, replicas: 1, log, now: () => 1000 },
      roles: roles(config),
      statics: { [STATIC]: 'root' },
    })
    onTestFinished(() => store.stop())
    return store
  }
  return { ...core, open, store: await open() }
}

describe('an operator', () => {
  it('is added with a key or a password, and listed without the hash', async () => {
    const { store } = await start()
    const nkey = newKey()
    const ann = { name: 'ann', roles: ['ops', 'web'], login: 'nkey', nkey, since: 1000 }
    expect(await store.add({ name: 'ann', roles: ['ops', 'web', 'ops'], nkey })).toEqual(ann)
    const bob = { name: 'bob', roles: ['reader'], login: 'password', since: 1000 }
    expect(await store.add({ name: 'bob', roles: ['reader'], password_hash: hash })).toEqual(bob)
    expect(store.list()).toEqual([ann, bob])
  })

  it('may what all the roles together grant', async () => {
    const { store } = await start()
    await store.add({ name: 'ann', roles: ['ops', 'web'], nkey: newKey() })
    expect(store.grants('ann')).toMatchObject({ local: [{ funs: ['test.*'] }, { tgt: 'web*', funs: ['cmd.run'] }] })
    await store.change('ann', { roles: ['admin'] })
    expect(store.grants('ann')).toBe(ALL_GRANTS)
    await store.remove('ann')
    expect(store.grants('ann')).toBeUndefined()
  })

  it('may nothing by a role that is no longer configured', async () => {
    const { store, open } = await start()
    await store.add({ name: 'ann', roles: ['ops', 'web'], nkey: newKey() })
    await store.add({ name: 'bob', roles: ['ops'], nkey: newKey() })
    const later = await open({ web: CONFIG.web })
    expect(later.grants('ann')).toMatchObject({ local: [{ tgt: 'web*' }] })
    expect(later.grants('bob')).toEqual(NO_GRANTS)
  })

  it('that is static in the config later is no longer the one that was added', async () => {
    const { store, nc, ns } = await start()
    await store.add({ name: 'ann', roles: ['admin'], nkey: newKey() })
    const later = await openOperators({
      ...{ nc, namespace: ns, replicas: 1, roles: roles(CONFIG), statics: { [newKey()]: 'ann' }, now: Date.now },
      log: silentLog,
    })
    onTestFinished(() => later.stop())
    expect(later.find('ann')).toBeUndefined()
    expect(later.grants('ann')).toBeUndefined()
  })

  it('changes only what is given', async () => {
    const { store } = await start()
    const nkey = newKey()
    await store.add({ name: 'ann', roles: ['ops'], nkey })
    expect(await store.change('ann', { roles: ['web'] })).toMatchObject({ roles: ['web'], login: 'nkey', nkey })
    expect(await store.change('ann', { password_hash: hash })).toEqual({
      ...{ name: 'ann', roles: ['web'], login: 'password', since: 1000 },
    })
    expect(store.findKey(nkey)).toBeUndefined()
  })

  it('is one of two that are added at once', async () => {
    const { store, open } = await start()
    const other = await open()
    const results = await Promise.allSettled(
      [store, other].map(one => one.add({ name: 'ann', roles: ['ops'], nkey: newKey() })),
    )
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    expect(results.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { code: 'bad_argument', message: expect.stringContaining("there is an operator 'ann' already") },
    })
  })

  it('that was removed can be added again, and removed once', async () => {
    const { store } = await start()
    await store.add({ name: 'ann', roles: ['ops'], nkey: newKey() })
    expect(await store.remove('ann')).toBe(true)
    expect(await store.remove('ann')).toBe(false)
    expect(await store.remove('../ann')).toBe(false)
    await store.add({ name: 'ann', roles: ['ops'], nkey: newKey() })
    expect(store.list()).toHaveLength(1)
  })

  it.each<[string, object, RegExp]>([
    ['a name that is none', { name: 'a b' }, /'a b' is no operator's name: 1 to 64 letters/],
    ['a name with a colon', { name: 'rule:x' }, /'rule:x' is no operator's name/],
    ['a key as name', { name: STATIC }, /is no operator's name/],
    ["a static operator's name", { name: 'root' }, /'root' is a static operator/],
    ['no role', { roles: [] }, /needs a role; there are admin, reader, ops, web/],
    ['a role that there is not', { roles: ['ops', 'opss'] }, /no role 'opss'.*Did you mean 'ops'/],
    ['neither key nor password', { nkey: undefined }, /needs nkey or password_hash/],
    ['both', { password_hash: `scrypt$15$8$1$${'A'.repeat(22)}$${'A'.repeat(43)}` }, /give one of them/],
    ['a key that is none', { nkey: 'UABC' }, /'UABC' is no public nkey/],
    ['a seed in place of a key', { nkey: `SU${'A'.repeat(56)}` }, /is no public nkey/],
    ["a static operator's key", { nkey: STATIC }, /that nkey is operator 'root'/],
    ['a password in place of its hash', { nkey: undefined, password_hash: 'hunter2' }, /password_hash is no hash/],
  ])('is refused with %s', async (_what, wrong, message) => {
    const { store } = await start()
    const wanted = { name: 'ann', roles: ['ops'], nkey: newKey(), ...wrong }
    const given = Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined))
    const added = store.add(given as Parameters<typeof store.add>[0])
    await expect(added).rejects.toMatchObject({ code: 'bad_argument', message: expect.stringMatching(message) })
    expect(store.list()).toEqual([])
  })

  it('is refused a key that another has, and may be given its own again', async () => {
    const { store } = await start()
    const [nkey, other] = [newKey(), newKey()]
    await store.add({ name: 'ann', roles: ['ops'], nkey })
    await expect(store.add({ name: 'bob', roles: ['ops'], nkey })).rejects.toThrow("that nkey is operator 'ann'")
    await store.add({ name: 'bob', roles: ['ops'], nkey: other })
    await expect(store.change('bob', { nkey })).rejects.toThrow("that nkey is operator 'ann'")
    expect(await store.change('ann', { nkey })).toMatchObject({ nkey })
  })

  it.each([
    ['one that there is not', 'bob', { roles: ['ops'] }, 'not_found'],
    ['a name that is none', 'a/b', { roles: ['ops'] }, 'not_found'],
    ['nothing', 'ann', {}, 'bad_argument'],
    ['a role that there is not', 'ann', { roles: ['nope'] }, 'bad_argument'],
    ['no role any more', 'ann', { roles: [] }, 'bad_argument'],
  ])('cannot be changed: %s', async (_what, name, wanted, code) => {
    const { store } = await start()
    await store.add({ name: 'ann', roles: ['ops'], nkey: newKey() })
    await expect(store.change(name, wanted)).rejects.toMatchObject({ code })
    expect(store.list()).toMatchObject([{ name: 'ann', roles: ['ops'] }])
  })
})

it('tells every master of each change, by the name; who is added is nobody whose login could be out of date', async () => {
  const { store, open } = await start()
  const other = await open()
  const heard = createSeen<string>()
  const stop = other.onChange(name => heard.push(name))
  await store.add({ name: 'ann', roles: ['ops'], nkey: newKey() })
  await store.change('ann', { roles: ['web'] })
  await store.add({ name: 'bob@example.com', roles: ['ops'], nkey: newKey() })
  await store.change('bob@example.com', { roles: ['web'] })
  await store.remove('ann')
  await heard.reach(3)
  expect(heard.items).toEqual(['ann', 'bob@example.com', 'ann'])
  expect(other.list().map(({ name }) => name)).toEqual(['bob@example.com'])
  stop()
  await store.remove('bob@example.com')
  expect(heard.items).toHaveLength(3)
})

describe('the hash of a password', () => {
  const stored = async (nc: NatsConnection, bucket: string) => {
    const { values, stop } = await mirrorBucket(nc, await openBucket(nc, bucket, { replicas: 1 }), {
      read: value => value,
      log: silentLog,
    })
    await stop()
    return [...values.values()]
  }

  it('lies in a bucket of its own for as long as it is the one, and not beside the roles', async () => {
    const { store, nc, ns, open } = await start()
    const { users, passwords } = bucketNames(ns)
    const other = await hashPassword('another horse')
    await store.add({ name: 'ann', roles: ['ops'], password_hash: hash })
    await store.add({ name: 'bob', roles: ['ops'], password_hash: hash })
    await expect(store.add({ name: 'ann', roles: ['web'], password_hash: other })).rejects.toThrow('already')
    await expect(store.add({ name: 'ann', roles: ['web'], password_hash: hash })).rejects.toThrow('already')
    await expect(store.change('cat', { password_hash: other })).rejects.toMatchObject({ code: 'not_found' })
    expect(await stored(nc, passwords)).toEqual([{ hash }, { hash }])
    expect(JSON.stringify(await stored(nc, users))).not.toContain('scrypt')
    await store.change('ann', { password_hash: other })
    await store.change('ann', { roles: ['web'] })
    await store.change('ann', { password_hash: other })
    expect(store.passwordHash('ann')).toBe(other)
    expect((await stored(nc, passwords)).map(value => (value as { hash: string }).hash).sort()).toEqual(
      [hash, other].sort(),
    )
    expect((await open()).passwordHash('ann')).toBe(other)
    await store.change('ann', { nkey: newKey() })
    await store.remove('bob')
    expect(await stored(nc, passwords)).toEqual([])
    expect(store.passwordHash('ann')).toBeUndefined()
  })

  it('is not with those who only look up what operators may', async () => {
    const { store, nc, ns } = await start()
    await store.add({ name: 'ann', roles: ['ops'], password_hash: hash })
    const looks = await openOperators({
      ...{ nc, namespace: ns, replicas: 1, log: silentLog, now: () => 1000, roles: roles(CONFIG), statics: {} },
      passwords: false,
    })
    onTestFinished(() => looks.stop())
    expect(looks.grants('ann')).toEqual(store.grants('ann'))
    expect(looks.passwordHash('ann')).toBeUndefined()
    await expect(looks.change('ann', { password_hash: hash })).rejects.toMatchObject({ code: 'internal' })
  })
})

it('leaves out of the bucket what is no operator', async () => {
  const { nc, ns, open } = await start()
  const bucket = await openBucket(nc, bucketNames(ns).users, { replicas: 1 })
  const nkey = newKey()
  const bad = [
    { name: 'a b', roles: ['admin'], nkey, since: 1 },
    { name: 'ann', roles: 'admin', nkey, since: 1 },
    { name: 'ann', roles: ['admin'], nkey: 'U1', since: 1 },
    { name: 'ann', roles: ['admin'], nkey, password: 'a'.repeat(64), since: 1 },
    { name: 'ann', roles: ['admin'], password: hash, since: 1 },
    { name: 'ann', roles: ['admin'], since: 1 },
    ['admin'],
  ]
  for (const [n, value] of bad.entries()) await bucket.put(`k${n}`, JSON.stringify(value))
  await bucket.put('good', JSON.stringify({ name: 'good', roles: ['ops'], nkey: newKey(), since: 1 }))
  const { log, lines } = keptLog()
  const store = await open(CONFIG, log)
  expect(store.list().map(({ name }) => name)).toEqual(['good'])
  expect(lines.items.filter(({ msg }) => msg.includes('malformed'))).toHaveLength(bad.length)
})

describe('a login', () => {
  const loginTo = (store: Parameters<typeof createOperatorLogin>[0]) =>
    createOperatorLogin(store, createPasswordCheck())

  it('by key is whose key it is', async () => {
    const { store } = await start()
    const login = loginTo(store)
    const nkey = newKey()
    await store.add({ name: 'ann', roles: ['ops'], nkey })
    const ann = { name: 'ann', grants: store.grants('ann') }
    expect(await login({ nkey })).toEqual(ann)
    expect(await login({ nkey, user: 'ann' })).toEqual(ann)
    expect(await login({ nkey, user: 'bob' })).toBeUndefined()
    expect(await login({ nkey: newKey() })).toBeUndefined()
    expect(await login({ nkey: STATIC })).toBeUndefined()
    await store.remove('ann')
    expect(await login({ nkey })).toBeUndefined()
  })

  it('by a key that two have is nobody', async () => {
    const { store, nc, ns, open } = await start()
    const nkey = newKey()
    await store.add({ name: 'ann', roles: ['ops'], nkey })
    const bucket = await openBucket(nc, bucketNames(ns).users, { replicas: 1 })
    await bucket.put('bob', JSON.stringify({ name: 'bob', roles: ['admin'], nkey, since: 1 }))
    const later = await open()
    expect(later.list()).toHaveLength(2)
    expect(await loginTo(later)({ nkey })).toBeUndefined()
  })

  it('by password needs the name and the password', async () => {
    const { store } = await start()
    const login = loginTo(store)
    await store.add({ name: 'ann', roles: ['ops'], password_hash: hash })
    await store.add({ name: 'key', roles: ['ops'], nkey: newKey() })
    expect(await login({ user: 'ann', password: 'correct horse' })).toEqual({
      name: 'ann',
      grants: store.grants('ann'),
    })
    for (const asked of [
      { user: 'ann', password: 'wrong horse' },
      { user: 'Ann', password: 'correct horse' },
      { user: 'key', password: 'correct horse' },
      { user: 'root', password: 'correct horse' },
      { user: 'nobody', password: '' },
      { user: 'ann', password: '' },
      { user: 'ann', password: hash },
      { user: 'ann' },
      { password: 'correct horse' },
      {},
    ])
      expect({ asked, operator: await login(asked) }).toEqual({ asked, operator: undefined })
  })

  it('does not outlive the operator, or the password, that it was checked against', async () => {
    const { store } = await start()
    let meanwhile = async (): Promise<unknown> => undefined
    const login = createOperatorLogin(store, {
      async matches() {
        await meanwhile()
        return true
      },
    })
    await store.add({ name: 'ann', roles: ['ops'], password_hash: hash })
    const other = await hashPassword('another horse')
    meanwhile = () => store.change('ann', { password_hash: other })
    expect(await login({ user: 'ann', password: 'correct horse' })).toBeUndefined()
    meanwhile = () => store.remove('ann')
    expect(await login({ user: 'ann', password: 'another horse' })).toBeUndefined()
  })

  it('costs a check of a password even where the name is nobody’s', async () => {
    const { store } = await start()
    const checked: unknown[] = []
    const login = createOperatorLogin(store, { matches: async (...asked) => checked.push(asked) < 0 })
    await login({ user: 'nobody', password: 'x', from: '10.0.0.7' })
    await login({ user: 'a b', password: 'x' })
    expect(checked).toEqual([
      ['x', undefined, '10.0.0.7'],
      ['x', undefined, ''],
    ])
  })
})
