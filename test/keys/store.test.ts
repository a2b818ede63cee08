import { describe, expect, it } from 'vitest'
import { openBucket } from '../../src/bus/bucket.ts'
import { arrive, deleteKey } from '../../src/keys/states.ts'
import { KEY_STATES, type KeyEntry } from '../../src/protocol/key.ts'
import { bucketNames } from '../../src/protocol/streams.ts'
import { useConnection } from '../helpers/connected.ts'
import { createSeen } from '../helpers/wait.ts'
import { type Keeping, openElsewhere, openKeys, reaches } from './keeping.ts'
import { nkeyOf } from './nkeys.ts'

const shared = useConnection()

type State = 'accepted' | 'pending' | 'rejected'
const bring = ({ store }: Keeping, id: string, state: State, nowMs = 1) =>
  store.change(id, entry => arrive(entry, { id, nkey: nkeyOf(id), state }, nowMs))
const forget = ({ store }: Keeping, id: string) => store.change(id, entry => deleteKey(entry, new Set(KEY_STATES)))

describe('the store of keys', () => {
  it('has what was changed in memory at once, by any id that a minion may have', async () => {
    const keeping = await openKeys(shared.nc)
    for (const id of ['web1', 'web1.example.com', 'fe80::1', 'a@b+c_d-e']) {
      const { after } = await bring(keeping, id, 'accepted')
      expect(after?.own?.state).toBe('accepted')
      expect(keeping.store.get(id)).toEqual(after)
    }
    expect([...keeping.store.entries()].map(({ id }) => id)).toEqual([
      'web1',
      'web1.example.com',
      'fe80::1',
      'a@b+c_d-e',
    ])
    await forget(keeping, 'fe80::1')
    expect(keeping.store.get('fe80::1')).toBeUndefined()
  })

  it('knows the ids by the state of their key, pending ones in the order in which they came', async () => {
    const keeping = await openKeys(shared.nc)
    const { ids } = keeping.store
    await bring(keeping, 'b', 'pending', 1)
    await bring(keeping, 'a', 'pending', 2)
    await bring(keeping, 'c', 'rejected', 3)
    expect([[...ids.pending], [...ids.accepted], [...ids.rejected]]).toEqual([['b', 'a'], [], ['c']])
    await bring(keeping, 'b', 'accepted', 4)
    await forget(keeping, 'c')
    expect([[...ids.pending], [...ids.accepted], [...ids.rejected]]).toEqual([['a'], ['b'], []])
  })

  it('is the same for every master, and for one that starts later', async () => {
    const one = await openKeys(shared.nc)
    const two = await openElsewhere(shared.server, one)
    await bring(one, 'b', 'pending', 1)
    await bring(one, 'a', 'pending', 2)
    await bring(one, 'c', 'accepted', 3)
    await reaches(two, 'c', 'accepted')
    const later = await openElsewhere(shared.server, one)
    for (const { store } of [two, later]) {
      expect([...store.ids.pending]).toEqual(['b', 'a'])
      expect([...store.ids.accepted]).toEqual(['c'])
      expect(store.get('a')).toEqual({ id: 'a', own: { nkey: nkeyOf('a'), since: 2, state: 'pending' } })
    }
    await forget(later, 'c')
    await reaches(two, 'c', 'none')
    expect([...two.store.ids.accepted]).toEqual([])
  })

  it('tells of each change with what was before, until it is told not to', async () => {
    const keeping = await openKeys(shared.nc)
    const heard = createSeen<[string, string | undefined, string | undefined]>()
    const unfollow = keeping.store.follow((id, entry, before) =>
      heard.push([id, entry?.own?.state, before?.own?.state]),
    )
    await bring(keeping, 'web1.example.com', 'pending')
    await bring(keeping, 'web1.example.com', 'accepted')
    await forget(keeping, 'web1.example.com')
    unfollow()
    await bring(keeping, 'web2', 'pending')
    expect(heard.items).toEqual([
      ['web1.example.com', 'pending', undefined],
      ['web1.example.com', 'accepted', 'pending'],
      ['web1.example.com', undefined, 'accepted'],
    ])
  })

  it.each([
    ['no id', { own: { nkey: nkeyOf('a'), since: 1, state: 'accepted' } }],
    ['an id that is none', { id: '../x', own: { nkey: nkeyOf('a'), since: 1, state: 'accepted' } }],
    ['no such state', { id: 'a', own: { nkey: nkeyOf('a'), since: 1, state: 'denied' } }],
    ['no nkey', { id: 'a', own: { nkey: 'UABC', since: 1, state: 'accepted' } }],
    ['a malformed denied key', { id: 'a', denied: { nkey: nkeyOf('a') } }],
  ])('lets nobody in by an entry that has %s', async (_what, value) => {
    const first = await openKeys(shared.nc)
    const bucket = await openBucket(shared.nc, bucketNames(first.namespace).keys, { replicas: 1 })
    await bucket.put('a', JSON.stringify(value as unknown as KeyEntry))
    const later = await openElsewhere(shared.server, first)
    expect([...later.store.entries()]).toEqual([])
    expect(later.lines.items[0]?.msg).toMatch(/malformed and left out/)
  })
})
