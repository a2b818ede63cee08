import { describe, expect, it } from 'vitest'
import type { KeyLists } from '../../src/functions/wheel-context.ts'
import { createKeys } from '../../src/keys/operations.ts'
import { arrive } from '../../src/keys/states.ts'
import { createJoinTokens } from '../../src/keys/token-operations.ts'
import { useConnection } from '../helpers/connected.ts'
import { createSeen } from '../helpers/wait.ts'
import { openKeys } from './keeping.ts'
import { nkeyOf } from './nkeys.ts'

const shared = useConnection()
type State = 'accepted' | 'pending' | 'rejected'

/** `ids` by the state of their key; one with a `!` behind it has a denied key beside. */
async function service(ids: Partial<Record<State, string[]>> = {}, configured: Record<string, string> = {}) {
  const keeping = await openKeys(shared.nc)
  const { store, events, records } = keeping
  const forgotten = createSeen<string>()
  for (const [state, list] of Object.entries(ids) as [State, string[]][]) {
    for (const name of list) {
      const id = name.replace('!', '')
      await store.change(id, entry => arrive(entry, { id, nkey: nkeyOf(id), state }, 1))
      if (id !== name) await store.change(id, entry => arrive(entry, { id, nkey: nkeyOf(`${id}-2`), state }, 1))
    }
  }
  const by = createKeys({
    ...keeping,
    configured,
    forgetGrains: async id => forgotten.push(id),
    master: nkeyOf('master'),
  })
  const keys = by({ user: 'ada', source: 'OPS', cause: '20260101000000000000' })
  const acts = () => events.items.map(({ tag, data }) => (tag === 'salt/key' ? `${data.act} ${data.id}` : tag)).sort()
  return { ...keeping, keys, forgotten, acts, records }
}

const NONE = { rejected: false, accepted: false, denied: false }
const EMPTY = { minions: [], minions_pre: [], minions_rejected: [], minions_denied: [] }

describe('the keys, as operators see them', () => {
  it('are listed by their state, and by a glob or several', async () => {
    const { keys } = await service({ pending: ['web2', 'Web1', 'db1'], accepted: ['web3!'], rejected: ['db2'] })
    expect(keys.lists()).toEqual({
      minions: ['web3'],
      minions_pre: ['db1', 'Web1', 'web2'],
      minions_rejected: ['db2'],
      minions_denied: ['web3'],
    })
    expect(Object.keys(keys.lists())).toEqual(['minions', 'minions_pre', 'minions_rejected', 'minions_denied'])
    expect(keys.lists('db?')).toEqual({ minions_pre: ['db1'], minions_rejected: ['db2'] })
    expect(keys.lists('db2, web3')).toEqual({ minions: ['web3'], minions_rejected: ['db2'], minions_denied: ['web3'] })
    expect(keys.lists('nothing')).toEqual({})
    expect((await service()).keys.lists()).toEqual(EMPTY)
  })

  it('are shown, a denied one beside the own one', async () => {
    const { keys } = await service({ accepted: ['web1!'], pending: ['web2'] })
    expect(keys.keys('*')).toEqual({
      minions: { web1: nkeyOf('web1') },
      minions_pre: { web2: nkeyOf('web2') },
      minions_denied: { web1: nkeyOf('web1-2') },
    })
    expect(keys.keys({ minions_denied: ['web1'] })).toEqual({ minions_denied: { web1: nkeyOf('web1-2') } })
    expect(keys.master()).toBe(nkeyOf('master'))
  })
})

describe('accepting', () => {
  it('takes what waits and matches, answers with it, and tells of each', async () => {
    const { keys, acts, events, records, store } = await service({
      pending: ['web1', 'web2', 'db1'],
      rejected: ['web3'],
    })
    expect(await keys.accept('web*', NONE)).toEqual({ minions: ['web1', 'web2'] })
    expect([...store.ids.accepted].sort()).toEqual(['web1', 'web2'])
    expect(acts()).toEqual(['accept web1', 'accept web2'])
    expect(events.items[0]).toEqual({ tag: 'salt/key', data: { id: 'web1', act: 'accept', result: true } })
    expect(records.items).toEqual([
      { kind: 'key', user: 'ada', source: 'OPS', action: 'key.accept', result: 'ok', about: ['web1', 'web2'] },
    ])
  })

  it('answers with nothing, and tells of nothing, where nothing waits', async () => {
    const { keys, acts, records } = await service({ accepted: ['web1'], rejected: ['web2'] })
    expect(await keys.accept('*', NONE)).toEqual({})
    expect(acts()).toEqual([])
    expect(records.items).toEqual([])
  })

  it('takes rejected and denied keys where that is wanted', async () => {
    const { keys, store } = await service({ rejected: ['web1'], accepted: ['web2!'] })
    expect(await keys.accept('*', { rejected: true, denied: true })).toEqual({ minions: ['web1', 'web2'] })
    expect(store.get('web2')).toMatchObject({ own: { nkey: nkeyOf('web2-2'), state: 'accepted' } })
    expect(store.get('web2')?.denied).toBeUndefined()
  })

  it('by lists takes only what is still in that list', async () => {
    const { keys, acts } = await service({ pending: ['web1', 'web2'], rejected: ['web3'] })
    const lists: KeyLists = { minions_pre: ['web1', 'web3', 'unknown'], minions_rejected: ['web2'] }
    expect(await keys.accept(lists, { rejected: true, denied: true })).toEqual({ minions: ['web1'] })
    expect(acts()).toEqual(['accept web1'])
  })

  it('accepts hundreds at once', async () => {
    const ids = Array.from({ length: 250 }, (_, i) => `web${String(i).padStart(3, '0')}`)
    const { keys, acts } = await service({ pending: ids })
    expect(await keys.accept('*', NONE)).toEqual({ minions: ids })
    expect(acts()).toHaveLength(250)
  })
})

describe('rejecting', () => {
  it('takes what waits, and accepted and denied keys where that is wanted', async () => {
    const { keys, acts, store, forgotten } = await service({ pending: ['web1'], accepted: ['web2!', 'web3'] })
    expect(await keys.reject('*', NONE)).toEqual({ minions_rejected: ['web1'] })
    expect(await keys.reject('web2', { accepted: true, denied: true })).toEqual({ minions_rejected: ['web2'] })
    expect(store.get('web2')).toMatchObject({ own: { nkey: nkeyOf('web2'), state: 'rejected' } })
    expect(store.get('web3')).toMatchObject({ own: { state: 'accepted' } })
    expect(acts()).toEqual(['reject web1', 'reject web2'])
    expect(forgotten.items).toEqual([])
  })
})

describe('deleting', () => {
  it('forgets the keys in every state, and the grains, and answers where they were', async () => {
    const { keys, acts, forgotten, records, store } = await service({
      accepted: ['web1!'],
      pending: ['web2'],
      rejected: ['web3', 'db1'],
    })
    expect(await keys.delete('web*')).toEqual({
      minions: ['web1'],
      minions_pre: ['web2'],
      minions_rejected: ['web3'],
      minions_denied: ['web1'],
    })
    expect([...store.entries()].map(({ id }) => id)).toEqual(['db1'])
    expect(acts()).toEqual(['delete web1', 'delete web2', 'delete web3'])
    expect([...forgotten.items].sort()).toEqual(['web1', 'web2', 'web3'])
    expect(records.items.map(({ action, about }) => [action, [...(about ?? [])].sort()])).toEqual([
      ['key.delete', ['web1', 'web2', 'web3']],
    ])
  })

  it('by lists takes the denied key alone, and keeps the minion', async () => {
    const { keys, store, forgotten } = await service({ accepted: ['web1!'] })
    expect(await keys.delete({ minions_denied: ['web1'] })).toEqual({ minions_denied: ['web1'] })
    expect(store.get('web1')).toEqual({ id: 'web1', own: { nkey: nkeyOf('web1'), since: 1, state: 'accepted' } })
    expect(forgotten.items).toEqual([])
  })

  it('records what was deleted though grains could not be', async () => {
    const { store, keys, records, acts } = await service({ pending: ['web1', 'web2'] })
    const failing = createKeys({
      ...(await openKeys(shared.nc)),
      ...{ store, fire: async () => ({ id: '', seq: 0 }), master: undefined, configured: {} },
      audit: (kind, record) => records.push({ kind, ...record }),
      forgetGrains: async id => {
        if (id === 'web2') throw new Error('no bucket')
      },
    })({ user: 'ada', source: 'OPS' })
    await expect(failing.delete('*')).rejects.toThrow('no bucket')
    expect(records.items.map(({ action, about }) => [action, [...(about ?? [])].sort()])).toEqual([
      ['key.delete', ['web1', 'web2']],
    ])
    expect(keys.lists()).toEqual(EMPTY)
    expect(acts()).toEqual([])
  })
})

describe('keys that are named one by one', () => {
  it('are accepted, rejected and deleted where they are the ones that are there', async () => {
    const { keys, store } = await service({ pending: ['web1', 'web2'], accepted: ['web3!'] })
    expect(await keys.accept({ minions_pre: { web1: nkeyOf('web1') } }, NONE)).toEqual({ minions: ['web1'] })
    expect(await keys.reject({ minions_pre: { web2: nkeyOf('web2') } }, NONE)).toEqual({ minions_rejected: ['web2'] })
    const both = { minions: { web3: nkeyOf('web3') }, minions_denied: { web3: nkeyOf('web3-2') } }
    expect(await keys.delete(both)).toEqual({ minions: ['web3'], minions_denied: ['web3'] })
    expect(store.get('web3')).toBeUndefined()
  })

  it('are left alone where another has come since, in whatever list', async () => {
    const { keys, store, acts, records } = await service({ pending: ['web1', 'web2'], accepted: ['web3!'] })
    const other = nkeyOf('shown')
    const all = { rejected: true, accepted: true, denied: true }
    expect(await keys.accept({ minions_pre: { web1: other, web2: nkeyOf('web2') } }, all)).toEqual({
      minions: ['web2'],
    })
    expect(await keys.accept({ minions_denied: { web3: other } }, all)).toEqual({})
    expect(await keys.reject({ minions_pre: { web1: other } }, all)).toEqual({})
    expect(await keys.delete({ minions: { web3: nkeyOf('web3') }, minions_denied: { web3: other } })).toEqual({})
    expect(store.get('web1')).toMatchObject({ own: { nkey: nkeyOf('web1'), state: 'pending' } })
    expect(store.get('web3')).toMatchObject({ own: { nkey: nkeyOf('web3'), state: 'accepted' }, denied: {} })
    expect(acts()).toEqual(['accept web2'])
    expect(records.items.map(({ about }) => about)).toEqual([['web2']])
  })

  it('are left alone where they were decided on since', async () => {
    const { keys } = await service({ rejected: ['web1'] })
    const named = { minions_pre: { web1: nkeyOf('web1') } }
    expect(await keys.accept(named, { rejected: true, denied: true })).toEqual({})
  })

  it('are compared in the change itself: a key that comes between is not accepted', async () => {
    const { keys, store } = await service({ accepted: ['web1!'] })
    // Changes of one id wait for each other, so this one is made once that has begun.
    const coming = store.change('web1', entry =>
      arrive(entry, { id: 'web1', nkey: nkeyOf('mallory'), state: 'pending' }, 1_000_000),
    )
    const accepting = keys.accept({ minions_denied: { web1: nkeyOf('web1-2') } }, { ...NONE, denied: true })
    await coming
    expect(await accepting).toEqual({})
    expect(store.get('web1')).toMatchObject({
      own: { nkey: nkeyOf('web1') },
      denied: { nkey: nkeyOf('mallory') },
    })
  })

  it('are shown by their lists too', async () => {
    const { keys } = await service({ accepted: ['web1!'] })
    const found = { minions_denied: { web1: nkeyOf('web1-2') } }
    expect(keys.keys(found)).toEqual(found)
    expect(keys.keys({ minions_denied: { web1: nkeyOf('web1') } })).toEqual({})
  })
})

describe('deleting a key that the config accepts', () => {
  const configured = { web1: nkeyOf('web1') }

  it('remembers that it is deleted, in no list, and forgets the grains', async () => {
    const { keys, store, forgotten } = await service({ accepted: ['web1', 'web2'] }, configured)
    expect(await keys.delete('*')).toEqual({ minions: ['web1', 'web2'] })
    expect([...store.entries()]).toEqual([{ id: 'web1', deleted: { nkey: nkeyOf('web1'), since: 1_000_000 } }])
    expect(keys.lists()).toEqual(EMPTY)
    expect(keys.keys('*')).toEqual({})
    expect([...forgotten.items].sort()).toEqual(['web1', 'web2'])
    expect(await keys.delete('*')).toEqual({})
  })

  it('is forgotten once it is accepted again', async () => {
    const { keys, store } = await service({ accepted: ['web1'] }, configured)
    await keys.delete('web1')
    await store.change('web1', entry => arrive(entry, { id: 'web1', nkey: nkeyOf('web1'), state: 'pending' }, 1))
    expect(store.get('web1')).toMatchObject({ own: { state: 'pending' }, deleted: { nkey: nkeyOf('web1') } })
    expect(await keys.accept('web1', NONE)).toEqual({ minions: ['web1'] })
    expect(store.get('web1')?.deleted).toBeUndefined()
    await keys.delete('web1')
    await keys.seed('web1', nkeyOf('web1'), false)
    expect(store.get('web1')).toEqual({ id: 'web1', own: expect.objectContaining({ state: 'accepted' }) })
  })
})

it('a change that fails keeps none out of the record that were in hand beside it', async () => {
  const { store, records } = await service({ pending: ['web1', 'web2', 'web3'] })
  const slow = createSeen<string>()
  const failing = createKeys({
    ...(await openKeys(shared.nc)),
    ...{ fire: async () => ({ id: '', seq: 0 }), master: undefined, configured: {} },
    store: {
      ...store,
      async change(id, next) {
        if (id === 'web1') {
          slow.push(id)
          throw new Error('no answer')
        }
        // Only once the other has failed.
        await slow.find(() => true, 'the failure')
        return store.change(id, next)
      },
    },
    audit: (kind, record) => records.push({ kind, ...record }),
    forgetGrains: async () => undefined,
  })({ user: 'ada', source: 'OPS' })
  await expect(failing.accept('*', NONE)).rejects.toThrow('no answer')
  expect(records.items.map(({ action, about }) => [action, [...(about ?? [])].sort()])).toEqual([
    ['key.accept', ['web2', 'web3']],
  ])
})

describe('lists that are none', () => {
  it.each([
    ['minion', { minion: ['web1'] }],
    ['minions_pre', { minions_pre: 'web1' }],
    ['minions_pre', { minions_pre: [1] }],
    ['../web1', { minions_pre: ['../web1'] }],
    ['../web1', { minions_pre: { '../web1': nkeyOf('web1') } }],
    ['UABC', { minions_pre: { web1: 'UABC' } }],
    ['5', { minions_pre: { web1: 5 } }],
    ['minions_pre', { minions_pre: null }],
    ['no map', ['web1']],
  ])('are refused with %j named', async (what, lists) => {
    const { keys, store } = await service({ pending: ['web1'] })
    await expect((async () => keys.delete(lists as unknown as KeyLists))()).rejects.toMatchObject({
      code: 'bad_argument',
      message: expect.stringContaining(what),
    })
    expect(store.get('web1')).toBeDefined()
  })
})

describe('seeding a key', () => {
  it('accepts it for an id that nobody knows, without an event, as Salt does', async () => {
    const { keys, store, acts, records } = await service()
    await keys.seed('web1', nkeyOf('web1'), false)
    expect(store.get('web1')).toMatchObject({ own: { nkey: nkeyOf('web1'), state: 'accepted' } })
    expect(acts()).toEqual([])
    expect(records.items).toMatchObject([{ action: 'key.accept', about: ['web1'], user: 'ada' }])
    await keys.seed('web1', nkeyOf('web1'), false)
    expect(records.items).toHaveLength(1)
  })

  it('accepts the key that waits, with its event', async () => {
    const { keys, acts } = await service({ pending: ['web1'] })
    await keys.seed('web1', nkeyOf('web1'), false)
    expect(acts()).toEqual(['accept web1'])
  })

  it('replaces another key only by force', async () => {
    const { keys, store } = await service({ accepted: ['web1'] })
    await expect(keys.seed('web1', nkeyOf('new'), false)).rejects.toMatchObject({
      code: 'bad_argument',
      message: expect.stringMatching(/'web1' has another key, which is accepted/),
    })
    expect(store.get('web1')?.own?.nkey).toBe(nkeyOf('web1'))
    await keys.seed('web1', nkeyOf('new'), true)
    expect(store.get('web1')?.own?.nkey).toBe(nkeyOf('new'))
  })

  it.each([
    ['../x', nkeyOf('a')],
    ['*', nkeyOf('a')],
    ['web1', 'UABC'],
    ['web1', nkeyOf('a').toLowerCase()],
  ])('takes no id %j with key %j', async (id, nkey) => {
    const { keys, store } = await service()
    await expect(keys.seed(id, nkey, true)).rejects.toMatchObject({ code: 'bad_argument' })
    expect([...store.entries()]).toEqual([])
  })
})

describe('join tokens, as operators make them', () => {
  it('leave a record of who made and ended them, without the secret', async () => {
    const { tokens: store, records, audit } = await openKeys(shared.nc)
    const tokens = createJoinTokens(store, audit)({ user: 'ada', source: 'OPS' })
    const { name, token } = await tokens.create({ ids: '*', uses: 1, expiresMs: 1000, by: 'ada' })
    await tokens.revoke(name)
    await tokens.revoke(name)
    expect(records.items).toEqual([
      { kind: 'token', user: 'ada', source: 'OPS', action: 'token.create', result: 'ok', about: [name] },
      { kind: 'token', user: 'ada', source: 'OPS', action: 'token.revoke', result: 'ok', about: [name] },
    ])
    expect(JSON.stringify(records.items)).not.toContain(token)
  })
})
