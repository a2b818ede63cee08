import { fromSeed } from '@nats-io/nkeys'
import { describe, expect, it } from 'vitest'
import { createRegistry } from '../../src/functions/registry.ts'
import { untrustedProblems } from '../../src/functions/untrusted.ts'
import { createKeys } from '../../src/keys/operations.ts'
import { arrive } from '../../src/keys/states.ts'
import { fingerprint } from '../../src/protocol/key.ts'
import * as key from '../../src/wheels/key.ts'
import { useConnection } from '../helpers/connected.ts'
import { openKeys } from '../keys/keeping.ts'
import { nkeyOf } from '../keys/nkeys.ts'
import { caller } from '../modules/call.ts'

const shared = useConnection()

/** web1 is accepted with a denied key beside, web2 and web3 wait, db1 is rejected. */
async function wheel(master: string | undefined = nkeyOf('master')) {
  const keeping = await openKeys(shared.nc)
  const { store } = keeping
  for (const [name, id, state] of [
    ['web1', 'web1', 'accepted'],
    ['web1-2', 'web1', 'pending'],
    ['web2', 'web2', 'pending'],
    ['web3', 'web3', 'pending'],
    ['db1', 'db1', 'rejected'],
  ] as const)
    await store.change(id, entry => arrive(entry, { id, nkey: nkeyOf(name), state }, 1))
  const keys = createKeys({ ...keeping, configured: {}, forgetGrains: async () => undefined, master })({
    user: 'ada',
    source: 'OPS',
  })
  const { call } = caller('wheel', { keys })
  return { ...keeping, call: (fun: string, ...args: unknown[]) => call(`key.${fun}`, args), named: call }
}

const LISTS = { minions: ['web1'], minions_pre: ['web2', 'web3'], minions_rejected: ['db1'], minions_denied: ['web1'] }

describe('wheel key lists', () => {
  it("all keys as Salt's, the master's own among them", async () => {
    const { call } = await wheel()
    expect(await call('list_all')).toEqual({ ...LISTS, local: ['master.pub'] })
    expect(await call('list', 'all')).toEqual({ ...LISTS, local: ['master.pub'] })
    expect(await call('name_match', 'web[12],db*')).toEqual({ ...LISTS, minions_pre: ['web2'] })
  })

  it.each([
    ['minions', ['acc', 'accepted']],
    ['minions_pre', ['pre', 'un', 'unaccepted', 'pending']],
    ['minions_rejected', ['rej', 'rejected']],
    ['minions_denied', ['den', 'denied']],
  ] as const)('%s by each of its names', async (list, names) => {
    const { call } = await wheel()
    for (const name of names) expect(await call('list', name)).toEqual({ [list]: LISTS[list] })
  })

  it('no state that is none', async () => {
    const { call } = await wheel()
    await expect(call('list', 'minions')).rejects.toMatchObject({ code: 'bad_argument' })
  })
})

describe('wheel key changes', () => {
  it('accepts, and by lists too', async () => {
    const { call, named } = await wheel()
    expect(await call('accept', 'web*')).toEqual({ minions: ['web2', 'web3'] })
    expect(await call('accept_dict', { minions_rejected: ['db1'] })).toEqual({})
    expect(await named('key.accept_dict', [{ minions_rejected: ['db1'] }], { include_rejected: true })).toEqual({
      minions: ['db1'],
    })
    expect(await named('key.accept', ['web1'], { include_denied: true })).toEqual({ minions: ['web1'] })
    expect(await call('key_str', 'web1')).toEqual({ minions: { web1: nkeyOf('web1-2') } })
  })

  it('takes the very key that is named, and no other that has come in its place', async () => {
    const { call, named } = await wheel()
    const shown = { minions_pre: { web2: nkeyOf('web2'), web3: nkeyOf('another') } }
    expect(await call('accept_dict', shown)).toEqual({ minions: ['web2'] })
    expect(await call('reject_dict', { minions_pre: { web3: nkeyOf('another') } })).toEqual({})
    expect(await call('reject_dict', { minions_pre: { web3: nkeyOf('web3') } })).toEqual({ minions_rejected: ['web3'] })
    const denied = { minions_denied: { web1: nkeyOf('another') } }
    expect(await named('key.accept_dict', [denied], { include_denied: true })).toEqual({})
    expect(await call('delete_dict', denied)).toEqual({})
    expect(await call('key_str', 'web1')).toEqual({
      minions: { web1: nkeyOf('web1') },
      minions_denied: { web1: nkeyOf('web1-2') },
    })
  })

  it('accepts and deletes by glob one very key, where it is said', async () => {
    const { call, named } = await wheel()
    const own = { pub: nkeyOf('web2') }
    await expect(named('key.accept', ['web2'], { pub: nkeyOf('another') })).rejects.toMatchObject({
      code: 'not_found',
      message: expect.stringContaining('key.key_str'),
    })
    await expect(named('key.accept', ['web3'], own)).rejects.toMatchObject({ code: 'not_found' })
    expect(await named('key.accept', ['web*'], own)).toEqual({ minions: ['web2'] })
    expect(await named('key.accept', ['web2'], own)).toEqual({})
    expect(await named('key.delete', ['web2'], { pub: nkeyOf('another') })).toEqual({})
    expect(await named('key.delete', ['*'], own)).toEqual({ minions: ['web2'] })
    expect(await named('key.delete', ['*'], own)).toEqual({})
    await expect(named('key.accept', ['web3'], { pub: 'U123' })).rejects.toMatchObject({ code: 'bad_argument' })
    expect(await call('list_all')).toMatchObject({ minions: ['web1'], minions_pre: ['web3'] })
  })

  it('takes a key from an event to say which is meant, and nothing else', () => {
    const fn = createRegistry('wheel', new Map(Object.entries({ accept: key.accept }))).get('accept')
    expect(untrustedProblems(fn, ['web1'], { pub: nkeyOf('web1') }, [['kwarg', 'pub']])).toEqual([])
    expect(untrustedProblems(fn, ['web1'], { include_denied: true }, [['kwarg', 'include_denied']])).toHaveLength(1)
  })

  it('rejects, and by lists too', async () => {
    const { call, named } = await wheel()
    expect(await call('reject', 'web2')).toEqual({ minions_rejected: ['web2'] })
    expect(await call('reject_dict', { minions_pre: ['web2', 'web3'], minions: ['web1'] })).toEqual({
      minions_rejected: ['web3'],
    })
    expect(await named('key.reject', ['web1'], { include_accepted: true })).toEqual({ minions_rejected: ['web1'] })
  })

  it('deletes, and by lists too', async () => {
    const { call } = await wheel()
    expect(await call('delete', 'web2')).toEqual({ minions_pre: ['web2'] })
    expect(await call('delete_dict', { minions_denied: ['web1'] })).toEqual({ minions_denied: ['web1'] })
    expect(await call('list_all')).toMatchObject({ minions: ['web1'], minions_pre: ['web3'], minions_denied: [] })
    expect(await call('delete', '*')).toEqual({ minions: ['web1'], minions_pre: ['web3'], minions_rejected: ['db1'] })
  })

  it('takes no match that is none', async () => {
    const { call } = await wheel()
    for (const [fun, match] of [
      ['accept', { minions_pre: ['web2'] }],
      ['accept_dict', 'web2'],
      ['delete_dict', { minions_pre: 'web2' }],
      ['delete', undefined],
      ['accept_dict', { minions_pre: { web2: 'UABC' } }],
      ['accept_dict', { minions_pre: { web2: 5 } }],
    ] as const)
      await expect(call(fun, match)).rejects.toMatchObject({ code: 'bad_argument' })
    expect(await call('list', 'pre')).toEqual({ minions_pre: ['web2', 'web3'] })
  })
})

describe('wheel key for a rule', () => {
  const registry = createRegistry('wheel', new Map(Object.entries(key).map(([name, fn]) => [`key.${name}`, fn])))
  const refused = (fun: string, positional: unknown[], path: (string | number)[]) =>
    untrustedProblems(registry.get(`key.${fun}`), positional, {}, [['arg', ...path]]).map(({ argument }) => argument)

  it('takes the id of an event, and nothing that means more', () => {
    for (const fun of ['accept', 'reject', 'delete', 'finger', 'key_str', 'name_match']) {
      expect(refused(fun, ['web1'], [0])).toEqual([])
      for (const match of ['*', 'web1,web2', 'web[12]', '']) expect(refused(fun, [match], [0])).toEqual(['match'])
    }
    for (const fun of ['accept_dict', 'reject_dict', 'delete_dict']) {
      expect(refused(fun, [{ minions_pre: ['web1'] }], [0, 'minions_pre', 0])).toEqual([])
      expect(refused(fun, [{ minions_pre: ['*'] }], [0, 'minions_pre', 0])).toEqual(['match'])
      expect(refused(fun, [{ minions_pre: ['web1'] }], [0])).toEqual(['match'])
    }
  })

  it('takes no key from an event, and nothing that makes it let more in', () => {
    expect(refused('accept_key', ['web1', nkeyOf('a')], [1])).toEqual(['pub'])
    expect(refused('accept', ['web1', true], [1])).toEqual(['include_rejected'])
  })
})

describe('wheel key shows', () => {
  it('fingerprints by the hash that is wanted', async () => {
    const { call } = await wheel()
    expect(await call('finger', 'web[12]')).toEqual({
      minions: { web1: fingerprint(nkeyOf('web1')) },
      minions_pre: { web2: fingerprint(nkeyOf('web2')) },
      minions_denied: { web1: fingerprint(nkeyOf('web1-2')) },
    })
    expect(await call('finger', 'web2', 'md5')).toEqual({ minions_pre: { web2: fingerprint(nkeyOf('web2'), 'md5') } })
    await expect(call('finger', 'web2', 'md6')).rejects.toMatchObject({ code: 'bad_argument' })
  })

  it("the master's own key, where it has one", async () => {
    const { call } = await wheel()
    expect(await call('finger_master')).toEqual({ local: { 'master.pub': fingerprint(nkeyOf('master')) } })
    expect(await call('finger_master', 'sha512')).toEqual({
      local: { 'master.pub': fingerprint(nkeyOf('master'), 'sha512') },
    })
    expect(await call('master_key_str')).toEqual({ local: { 'master.pub': nkeyOf('master') } })
  })

  it('no key of a master that signs no logins', async () => {
    const keeping = await openKeys(shared.nc)
    const keys = createKeys({ ...keeping, configured: {}, forgetGrains: async () => undefined, master: undefined })
    const { call } = caller('wheel', { keys: keys({ user: 'ada', source: 'OPS' }) })
    expect(await call('key.finger_master')).toEqual({ local: {} })
    expect(await call('key.master_key_str')).toEqual({ local: {} })
    expect(await call('key.list_all')).toMatchObject({ local: [] })
  })
})

describe('wheel key makes', () => {
  type Pair = { priv: string; pub: string }
  const publicOf = (seed: string) => fromSeed(new TextEncoder().encode(seed)).getPublicKey()

  it('a pair that belongs together, of which the master keeps nothing', async () => {
    const { call } = await wheel()
    const made = (await call('gen', 'new')) as Pair
    expect(publicOf(made.priv)).toBe(made.pub)
    expect(((await call('gen')) as Pair).pub).not.toBe(made.pub)
    expect(await call('name_match', 'new')).toEqual({})
  })

  it('a pair whose key is accepted, and none where there is one, but by force', async () => {
    const { call } = await wheel()
    const made = (await call('gen_accept', 'new')) as Pair
    expect(publicOf(made.priv)).toBe(made.pub)
    expect(await call('key_str', 'new')).toEqual({ minions: { new: made.pub } })
    expect(await call('gen_accept', 'new')).toEqual({})
    const again = (await call('gen_accept', 'new', true)) as Pair
    expect(await call('key_str', 'new')).toEqual({ minions: { new: again.pub } })
    await expect(call('gen_accept', 'web2')).rejects.toMatchObject({ code: 'bad_argument' })
    await expect(call('gen_accept', '../x')).rejects.toMatchObject({ code: 'bad_argument' })
  })

  it('a known public key accepted', async () => {
    const { call } = await wheel()
    expect(await call('accept_key', 'new', nkeyOf('new'))).toEqual({ minions: ['new'] })
    expect(await call('accept_key', 'web2', nkeyOf('web2'))).toEqual({ minions: ['web2'] })
    await expect(call('accept_key', 'web1', nkeyOf('new'))).rejects.toMatchObject({ code: 'bad_argument' })
    expect(await call('accept_key', 'web1', nkeyOf('new'), true)).toEqual({ minions: ['web1'] })
    await expect(call('accept_key', 'new2', 'UABC')).rejects.toMatchObject({ code: 'bad_argument' })
  })
})
