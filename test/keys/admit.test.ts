import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { seedAcceptedKeys } from '../../src/keys/accepted-keys.ts'
import { type AdmissionRules, createAdmission } from '../../src/keys/admit.ts'
import { acceptKey, deleteKey, rejectKey } from '../../src/keys/states.ts'
import { KEY_STATES } from '../../src/protocol/key.ts'
import { useConnection } from '../helpers/connected.ts'
import { testFolder } from '../helpers/folder.ts'
import { createSeen } from '../helpers/wait.ts'
import { type Keeping, openElsewhere, openKeys } from './keeping.ts'
import { nkeyOf } from './nkeys.ts'

const shared = useConnection()
const HOUR = 3_600_000
const ALL = new Set(KEY_STATES)

async function door(rules: Partial<AdmissionRules> = {}, at?: Keeping) {
  const keeping = at ?? (await openKeys(shared.nc))
  const dropped = createSeen<string[]>()
  const admit = createAdmission({
    ...keeping,
    rules: { auto_accept: false, max_minions: 0, max_pending: 1000, ...rules },
    onPendingFull: ids => dropped.push(ids),
  })
  const come = async (id: string, more: { nkey?: string; join?: string; grains?: Record<string, string> } = {}) =>
    admit({ id, nkey: nkeyOf(id), ...more })
  const acts = async (ids: string[]) => (await Promise.all(ids.map(id => come(id)))).map(({ act }) => act)
  const accept = (id: string) => keeping.store.change(id, entry => acceptKey(entry, ALL, 1))
  const token = (uses: number, ids = '*') => keeping.tokens.create({ ids, uses, expiresMs: HOUR, by: 'root' })
  return { ...keeping, keeping, come, acts, accept, token, dropped }
}

async function fileOf(text: string) {
  const file = join(await testFolder(), 'ids')
  await writeFile(file, text, { mode: 0o644 })
  return file
}

describe('a key that comes for the first time', () => {
  it('waits, is let in once it is accepted, and no more once it is rejected or deleted', async () => {
    const { come, store, accept } = await door()
    expect(await come('web1')).toEqual({ act: 'pend', reason: 'its key waits to be accepted' })
    expect(await come('web1')).toMatchObject({ act: 'pend' })
    await accept('web1')
    expect(await come('web1')).toEqual({ act: 'accept', reason: 'its key is accepted' })
    await store.change('web1', entry => rejectKey(entry, ALL, 1))
    expect(await come('web1')).toEqual({ act: 'reject', reason: 'its key is rejected' })
    await store.change('web1', entry => deleteKey(entry, ALL))
    expect(await come('web1')).toMatchObject({ act: 'pend' })
  })

  it.each([
    '',
    '*',
    'a*',
    'web?',
    'a b',
    '../etc/passwd',
    '_master',
    '.a',
    'wéb',
    'web\n',
    'раypal',
    'a'.repeat(10_240),
    '{{ id }}',
  ])('is not so much as stored for an id such as %j', async id => {
    const { come, store } = await door({ auto_accept: true })
    const admission = await come(id)
    expect(admission.act).toBe('reject')
    expect(admission.reason).toMatch(/^a minion's id is 1 to 253 letters/)
    expect([...store.entries()]).toEqual([])
  })

  it('is not stored where it is no key', async () => {
    const { come, store } = await door({ auto_accept: true })
    for (const nkey of ['', 'UABC', nkeyOf('a').toLowerCase(), `A${nkeyOf('a').slice(1)}`])
      expect(await come('web1', { nkey })).toMatchObject({ act: 'reject' })
    expect([...store.entries()]).toEqual([])
  })

  it('is accepted where all are', async () => {
    const { come, records } = await door({ auto_accept: true })
    expect(await come('web1')).toEqual({ act: 'accept', reason: 'its key was accepted by auto_accept' })
    expect(records.items).toEqual([
      { kind: 'key', user: 'auto_accept', source: 'FLEET', action: 'key.accept', result: 'ok', about: ['web1'] },
    ])
    await come('web1')
    expect(records.items).toHaveLength(1)
  })

  it('is stored once by several masters at the same time', async () => {
    const one = await door()
    const two = await door({}, await openElsewhere(shared.server, one.keeping))
    const acts = await Promise.all([one.acts(['web1', 'web1']), two.acts(['web1', 'web1'])])
    expect(acts.flat()).toEqual(['pend', 'pend', 'pend', 'pend'])
    expect(one.store.get('web1')).toMatchObject({ own: { nkey: nkeyOf('web1'), state: 'pending' } })
  })

  it('leaves one that came in the same moment, and is denied', async () => {
    const one = await door()
    const two = await door({}, await openElsewhere(shared.server, one.keeping))
    const acts = await Promise.all([one.come('web1'), two.come('web1', { nkey: nkeyOf('other') })])
    expect(acts.map(({ act }) => act).sort()).toEqual(['denied', 'pend'])
  })
})

describe('another key for a known id', () => {
  it('is denied and remembered, one for each id, and never takes the place of the own one', async () => {
    const { come, accept, store } = await door({ auto_accept: true })
    await come('web1')
    for (const name of ['x', 'y', 'x'])
      expect(await come('web1', { nkey: nkeyOf(name) })).toEqual({ act: 'denied', reason: 'the id has another key' })
    expect(store.get('web1')).toMatchObject({
      own: { nkey: nkeyOf('web1'), state: 'accepted' },
      denied: { nkey: nkeyOf('x') },
    })
    expect(await come('web1')).toMatchObject({ act: 'accept' })
    await accept('web1')
    expect(await come('web1', { nkey: nkeyOf('x') })).toMatchObject({ act: 'accept' })
    expect(await come('web1')).toMatchObject({ act: 'denied' })
  })

  it('is written down at most once a minute an id, and the first is kept meanwhile', async () => {
    const { come, store, clock } = await door({ auto_accept: true })
    await come('web1')
    const deniedNow = () => store.get('web1')?.denied?.nkey
    const changes = createSeen<string>()
    store.follow(id => changes.push(id))
    for (let n = 0; n < 20; n++)
      expect(await come('web1', { nkey: nkeyOf(`fresh${n}`) })).toMatchObject({ act: 'denied' })
    expect(deniedNow()).toBe(nkeyOf('fresh0'))
    clock.nowMs += 59_999
    await come('web1', { nkey: nkeyOf('early') })
    expect(deniedNow()).toBe(nkeyOf('fresh0'))
    clock.nowMs += 1
    await come('web1', { nkey: nkeyOf('late') })
    expect(deniedNow()).toBe(nkeyOf('late'))
    expect(changes.items).toEqual(['web1', 'web1'])
  })

  it('is denied whatever speaks for it, where the own one is accepted or rejected', async () => {
    const { come, accept, token, store, tokens } = await door({ autosign_file: await fileOf('*\n') })
    await come('web1')
    const { token: join } = await token(5)
    await accept('web1')
    expect(await come('web1', { nkey: nkeyOf('x'), join })).toMatchObject({ act: 'denied' })
    await store.change('web1', entry => rejectKey(entry, new Set(['accepted'] as const), 1))
    expect(await come('web1', { nkey: nkeyOf('x'), join })).toMatchObject({ act: 'denied' })
    expect(await come('web1', { join })).toMatchObject({ act: 'reject' })
    expect(tokens.list()).toMatchObject([{ uses_left: 5 }])
  })

  it('takes the place of one that only waits where a join token speaks for it', async () => {
    const { come, token, store, tokens } = await door()
    await come('web1', { nkey: nkeyOf('squatter') })
    const { token: join } = await token(2)
    expect(await come('web1', { join: `rjt_${'x'.repeat(32)}` })).toMatchObject({ act: 'denied' })
    expect(await come('web1', { join })).toMatchObject({ act: 'accept' })
    expect(store.get('web1')).toMatchObject({ own: { nkey: nkeyOf('web1') }, denied: { nkey: nkeyOf('squatter') } })
    expect(await come('web1', { nkey: nkeyOf('squatter') })).toMatchObject({ act: 'denied' })
    expect(tokens.list()).toMatchObject([{ uses_left: 1 }])
  })
})

describe('files of ids', () => {
  it('accept and reject new keys; who is rejected there is not accepted elsewhere', async () => {
    const { come, records } = await door({
      autosign_file: await fileOf('web*\n'),
      autoreject_file: await fileOf('web-bad*\n'),
    })
    expect(await come('web1')).toEqual({ act: 'accept', reason: 'its key was accepted by autosign_file' })
    expect(await come('web-bad1')).toEqual({ act: 'reject', reason: 'its key was rejected by autoreject_file' })
    expect(await come('web-bad1')).toEqual({ act: 'reject', reason: 'its key is rejected' })
    expect(await come('db1')).toMatchObject({ act: 'pend' })
    expect(records.items.map(({ user, action, about }) => [user, action, about])).toEqual([
      ['autosign_file', 'key.accept', ['web1']],
      ['autoreject_file', 'key.reject', ['web-bad1']],
    ])
  })

  it('reject before a join token speaks, also for an id whose other key waits', async () => {
    const autoreject_file = await fileOf('none\n')
    const { come, token, store, tokens } = await door({ autoreject_file })
    await come('web-bad1', { nkey: nkeyOf('squatter') })
    await writeFile(autoreject_file, 'none\nweb-bad*\n')
    const { token: join } = await token(1)
    expect(await come('web-bad1', { join })).toMatchObject({ act: 'denied' })
    expect(store.get('web-bad1')).toMatchObject({ own: { nkey: nkeyOf('squatter'), state: 'pending' } })
    expect(tokens.list()).toMatchObject([{ uses_left: 1 }])
  })

  it('are asked about keys that wait too, at their next login', async () => {
    const autosign_file = await fileOf('none\n')
    const autoreject_file = await fileOf('none\n')
    const { come } = await door({ autosign_file, autoreject_file })
    await come('web1')
    await come('web2')
    await writeFile(autosign_file, 'none\nweb1\n')
    await writeFile(autoreject_file, 'none\nweb2\n')
    expect(await come('web1')).toMatchObject({ act: 'accept' })
    expect(await come('web2')).toMatchObject({ act: 'reject' })
  })

  it('do not reject a key that is accepted, and do not accept one that is rejected', async () => {
    const { come, accept, store } = await door()
    await come('web1')
    await accept('web1')
    await come('web2')
    await store.change('web2', entry => rejectKey(entry, ALL, 1))
    const later = await door(
      { autoreject_file: await fileOf('web1\n'), autosign_file: await fileOf('web2\n'), auto_accept: true },
      { ...(await openKeys(shared.nc)), store },
    )
    expect(await later.come('web1')).toMatchObject({ act: 'accept' })
    expect(await later.come('web2')).toMatchObject({ act: 'reject' })
  })

  it('let a key in by a grain', async () => {
    const dir = await testFolder()
    await writeFile(join(dir, 'uuid'), 'abc\n', { mode: 0o644 })
    const { come } = await door({ autosign_grains_dir: dir })
    expect(await come('web1', { grains: { uuid: 'xyz' } })).toMatchObject({ act: 'pend' })
    expect(await come('web1', { grains: { uuid: 'abc' } })).toEqual({
      act: 'accept',
      reason: 'its key was accepted by autosign_grains_dir (uuid)',
    })
  })
})

describe('join tokens', () => {
  it('let a key in that waits or is new, and cost a use only for that', async () => {
    const { come, token, tokens, records } = await door()
    const { token: join, name } = await token(2)
    await come('web1')
    expect(await come('web1', { join })).toEqual({ act: 'accept', reason: `its key was accepted by token:${name}` })
    expect(await come('web1', { join })).toMatchObject({ act: 'accept' })
    expect(tokens.list()).toMatchObject([{ uses_left: 1 }])
    expect(await come('web2', { join })).toMatchObject({ act: 'accept' })
    expect(records.items.map(({ user, about }) => [user, about])).toEqual([
      [`token:${name}`, ['web1']],
      [`token:${name}`, ['web2']],
    ])
    expect(await come('web3', { join })).toEqual({
      act: 'pend',
      reason: `its key waits to be accepted: join token ${name} has no uses left`,
    })
  })

  it('let as many in as they have uses, though many come at once', async () => {
    const { come, token, store } = await door()
    const { token: join } = await token(10)
    const ids = Array.from({ length: 40 }, (_, i) => `web${i}`)
    const acts = await Promise.all(ids.map(id => come(id, { join }).then(({ act }) => act)))
    expect(acts.filter(act => act === 'accept')).toHaveLength(10)
    expect(acts.filter(act => act === 'pend')).toHaveLength(30)
    expect(store.ids.accepted.size).toBe(10)
  })

  it('are not burnt by a minion that logs in twice at once', async () => {
    const { come, token, tokens } = await door()
    const { token: join } = await token(5)
    const both = await Promise.all([come('web1', { join }), come('web1', { join })])
    expect(both.map(({ act }) => act)).toEqual(['accept', 'accept'])
    expect(tokens.list()).toMatchObject([{ uses_left: 4 }])
  })

  it('are not burnt where the limit of minions is reached', async () => {
    const { come, token, tokens } = await door({ max_minions: 1 })
    const { token: join } = await token(5)
    const acts = await Promise.all(['a', 'b', 'c'].map(id => come(id, { join }).then(({ act }) => act)))
    expect(acts.sort()).toEqual(['accept', 'full', 'full'])
    expect(tokens.list()).toMatchObject([{ uses_left: 4 }])
  })

  it('are not burnt where the key cannot be stored', async () => {
    const keeping = await openKeys(shared.nc)
    const failing = {
      ...keeping,
      store: {
        ...keeping.store,
        change: async () => {
          throw new Error('the bucket is full')
        },
      },
    }
    const { come, token, tokens } = await door({}, failing)
    const { token: join } = await token(5)
    await expect(come('web1', { join })).rejects.toThrow('the bucket is full')
    expect(tokens.list()).toMatchObject([{ uses_left: 5 }])
  })
})

describe('limits', () => {
  it('keep new keys out when enough minions are accepted, and no known one', async () => {
    const { come, acts, accept, store } = await door({ max_minions: 2 })
    expect(await acts(['web1', 'web2', 'web3'])).toEqual(['pend', 'pend', 'pend'])
    await accept('web1')
    await accept('web2')
    expect(await come('new')).toEqual({
      act: 'full',
      reason: '2 minions are accepted, and max_minions allows no more',
    })
    expect(store.get('new')).toBeUndefined()
    expect(await acts(['web1', 'web3'])).toEqual(['accept', 'pend'])
    await accept('web3')
    expect(await come('web3')).toMatchObject({ act: 'accept' })
  })

  it('hold for keys that are accepted at the same moment', async () => {
    const { acts, store } = await door({ max_minions: 7, auto_accept: true })
    const all = await acts(Array.from({ length: 30 }, (_, i) => `web${i}`))
    expect(all.filter(act => act === 'accept')).toHaveLength(7)
    expect(all.filter(act => act === 'full')).toHaveLength(23)
    expect(store.ids.accepted.size).toBe(7)
  })

  it('drop the oldest pending keys, and none that was decided on', async () => {
    const { come, acts, accept, store, dropped } = await door({ max_pending: 3 })
    await acts(['a'])
    await accept('a')
    for (const id of ['b', 'c', 'd']) await come(id)
    expect(dropped.items).toEqual([])
    await come('e')
    expect(dropped.items).toEqual([['b']])
    expect([...store.ids.pending]).toEqual(['c', 'd', 'e'])
    expect(store.get('b')).toBeUndefined()
    expect(await come('a')).toMatchObject({ act: 'accept' })
    expect(await come('b')).toMatchObject({ act: 'pend' })
    expect(dropped.items).toEqual([['b'], ['c']])
  })

  it('hold under a flood of new ids', async () => {
    const { come, store, dropped } = await door({ max_pending: 20 })
    // Making a key takes longer than all the rest.
    const nkey = nkeyOf('flood')
    const came = await Promise.all(Array.from({ length: 500 }, (_, i) => come(`flood${i}`, { nkey })))
    const all = came.map(({ act }) => act)
    expect(new Set(all)).toEqual(new Set(['pend']))
    expect(store.ids.pending.size).toBe(20)
    expect(new Set(dropped.items.flat()).size).toBe(480)
    expect([...store.entries()]).toHaveLength(20)
  })
})

describe('accepted_keys of the config', () => {
  const seed = (keeping: Keeping, keys: Record<string, string>) => seedAcceptedKeys(keeping, keys)

  it('are let in before the minion has ever come, and over keys that only wait', async () => {
    const { come, keeping, store, lines } = await door()
    await come('web2')
    await come('web3', { nkey: nkeyOf('squatter') })
    await seed(keeping, { web1: nkeyOf('web1'), web2: nkeyOf('web2'), web3: nkeyOf('web3') })
    for (const id of ['web1', 'web2', 'web3']) expect(await come(id)).toMatchObject({ act: 'accept' })
    expect(store.get('web3')?.denied?.nkey).toBe(nkeyOf('squatter'))
    expect(lines.items).toEqual([])
  })

  it('are on record when they are seeded, and not again at the next start', async () => {
    const { keeping } = await door()
    const keys = { web1: nkeyOf('web1'), web2: nkeyOf('web2') }
    await seed(keeping, keys)
    await seed(keeping, { ...keys, web3: nkeyOf('web3') })
    const records = keeping.records.items.map(({ about, ...record }) => ({ ...record, about: [...about!].sort() }))
    const accept = { kind: 'key', user: 'config', source: 'CORE', action: 'key.accept', result: 'ok' }
    expect(records).toEqual([
      { ...accept, about: ['web1', 'web2'] },
      { ...accept, about: ['web3'] },
    ])
  })

  it('do not come back once they were deleted: neither before the minion asks again nor while it waits', async () => {
    const { come, keeping, store, lines } = await door({ max_pending: 1 })
    const keys = { web1: nkeyOf('web1') }
    await seed(keeping, keys)
    const [before] = keeping.records.items.splice(0)
    expect(before).toMatchObject({ about: ['web1'] })
    await store.change('web1', entry => deleteKey(entry, ALL, { nkey: nkeyOf('web1'), since: 1 }))
    await seed(keeping, keys)
    expect(store.get('web1')?.own).toBeUndefined()
    expect(await come('web1')).toMatchObject({ act: 'pend' })
    await seed(keeping, keys)
    expect(await come('web1')).toMatchObject({ act: 'pend' })
    // It gives way to a newer one, and is no less deleted for that.
    await come('other')
    expect(store.get('web1')?.own).toBeUndefined()
    await seed(keeping, keys)
    expect(await come('web1')).toMatchObject({ act: 'pend' })
    expect(keeping.records.items).toEqual([])
    expect(lines.items.map(({ level, msg }) => [level, msg])).toEqual(
      Array(3).fill([40, expect.stringContaining('was deleted, and stays so')]),
    )
    // Another key of the config was never deleted.
    await seed(keeping, { web1: nkeyOf('web1-new') })
    expect(await come('web1', { nkey: nkeyOf('web1-new') })).toMatchObject({ act: 'accept' })
  })

  it('change nothing that operators have decided, and say so', async () => {
    const { come, accept, keeping, store, lines } = await door()
    await come('web1', { nkey: nkeyOf('renewed') })
    await accept('web1')
    await come('web2')
    await store.change('web2', entry => rejectKey(entry, ALL, 1))
    await seed(keeping, { web1: nkeyOf('web1'), web2: nkeyOf('web2') })
    expect(store.get('web1')).toMatchObject({ own: { nkey: nkeyOf('renewed'), state: 'accepted' } })
    expect(store.get('web2')).toMatchObject({ own: { state: 'rejected' } })
    expect(lines.items.map(({ level, id }) => [level, id]).sort()).toEqual([
      [40, 'web2'],
      [50, 'web1'],
    ])
  })
})
