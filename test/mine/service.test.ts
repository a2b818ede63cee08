import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Svcm } from '@nats-io/services'
import type { NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import type { Mine } from '../../src/functions/minion-context.ts'
import { createMineClient } from '../../src/mine/client.ts'
import type { MinePage } from '../../src/mine/request.ts'
import { serveMine } from '../../src/mine/service.ts'
import { type MineStore, openMineStore } from '../../src/mine/store.ts'
import { createSubjects } from '../../src/protocol/subject.ts'
import { escapeToken } from '../../src/protocol/token.ts'
import { type Accounts, startAccounts } from '../helpers/accounts.ts'
import { keptLog } from '../helpers/core.ts'

const subjects = createSubjects('reactor')
const minion = (id: string, grains: Record<string, unknown> = {}) =>
  [escapeToken(id), { id, grains: { id, ...grains } }] as const
const values = new Map([minion('m1', { role: 'web' }), minion('m2', { role: 'db' }), minion('a.b')])
const nodegroups: Record<string, string> = { dbs: 'G@role:db' }
const { log, lines } = keptLog()

let accounts: Accounts
let dir: string
let store: MineStore
let m1: Mine
let m2: Mine
beforeAll(async () => {
  accounts = await startAccounts()
  dir = await mkdtemp(join(tmpdir(), 'reactor-test-'))
  store = openMineStore(join(dir, 'mine.db'))
  const { core, m1: one, m2: two } = accounts.actors
  await serveMine({ nc: core.nc, subjects, store, fleet: { values }, nodegroups, log })
  await core.nc.flush()
  m1 = createMineClient(one.nc, subjects, 'm1')
  m2 = createMineClient(two.nc, subjects, 'm2')
})
afterAll(async () => {
  await accounts.stop()
  store.close()
  await rm(dir, { recursive: true, force: true })
})
beforeEach(async () => {
  await Promise.all([m1.flush(), m2.flush()])
})

/** A request as a minion's own program could make it. */
const ask = async (nc: NatsConnection, id: string, body: string) => {
  const reply = await nc.request(subjects.ofMinion('mine', id), body, { timeout: 30_000 })
  return {
    value: reply.json<unknown>(),
    error: reply.headers?.get('Nats-Service-Error') || undefined,
    status: reply.headers?.get('Nats-Service-Error-Code') || undefined,
  }
}

describe('the mine', () => {
  it('gives to minions what others sent', async () => {
    await m1.send('x.y', { ip: ['10.0.0.1'] })
    await m2.send('x.y', null)
    await m2.send('z', 'text')
    expect(await m1.get('*', ['x.y'], 'glob')).toEqual({ m1: { ip: ['10.0.0.1'] }, m2: null })
    expect(await m2.get(['m1', 'm2', 'nobody'], ['z', 'x.y'], 'list')).toEqual({
      'x.y': { m1: { ip: ['10.0.0.1'] }, m2: null },
      z: { m2: 'text' },
    })
    expect(await m1.get('role:db', ['x.y'], 'grain')).toEqual({ m2: null })
    expect(await m1.get('*', ['nosuch'], 'glob')).toEqual({})
    expect(await m1.get('nobody', ['z'], 'glob')).toEqual({})
  })

  it("replaces, deletes and flushes a minion's own entries alone", async () => {
    for (const mine of [m1, m2]) for (const name of ['x', 'y']) await mine.send(name, 1)
    await m1.send('x', 2)
    await m1.delete('y')
    expect(await m2.get('*', ['x', 'y'], 'glob')).toEqual({ x: { m1: 2, m2: 1 }, y: { m2: 1 } })
    await m2.flush(['y'])
    expect(await m1.get('*', ['x', 'y'], 'glob')).toEqual({ x: { m1: 2 }, y: { m2: 1 } })
    await m2.flush()
    expect(await m1.get('*', ['x', 'y'], 'glob')).toEqual({ x: { m1: 2 } })
  })

  it('is found by any client', async () => {
    const found = []
    for await (const info of await new Svcm(accounts.actors.core.nc).client().info('reactor-mine')) found.push(info)
    expect(found[0]!.endpoints.map(({ subject, queue_group }) => [subject, queue_group])).toEqual([
      ['reactor.mine.*', 'reactor-cache'],
    ])
  })
})

describe('a minion', () => {
  it.each([
    ['by glob', { tgt: 'm2', tgt_type: 'glob' }],
    ['by list', { tgt: ['m2', 'x'], tgt_type: 'list' }],
    ['by grain', { tgt: 'role:db', tgt_type: 'grain' }],
    ['by nodegroup', { tgt: 'dbs', tgt_type: 'nodegroup' }],
    ['by compound', { tgt: 'G@role:db and not m1', tgt_type: 'compound' }],
  ])('reads only what it is allowed, %s', async (_how, allow) => {
    await m1.send('secret', 42, allow)
    await m1.send('open', 1)
    expect(await m2.get('*', ['secret', 'open'], 'glob')).toEqual({ secret: { m1: 42 }, open: { m1: 1 } })
    expect(await m1.get('*', ['secret', 'open'], 'glob')).toEqual({ open: { m1: 1 } })
  })

  it('is not who its request says, but whose subject it may publish on', async () => {
    await m1.send('secret', 42, { tgt: 'm1', tgt_type: 'glob' })
    const { nc } = accounts.actors.m2
    const get = { op: 'get', tgt: '*', tgt_type: 'glob', names: ['secret'] }
    expect((await ask(nc, 'm2', JSON.stringify(get))).value).toEqual({ entries: [] })
    expect(await ask(nc, 'm2', JSON.stringify({ ...get, minion: 'm1' }))).toMatchObject({ status: '400' })
    expect(await accounts.actors.m2.refusedPublish(subjects.ofMinion('mine', 'm1'), JSON.stringify(get))).toBe(true)
    expect(
      await accounts.actors.m2.refusedPublish(subjects.ofMinion('mine', 'm1'), JSON.stringify({ op: 'flush' })),
    ).toBe(true)
    expect(await m1.get('*', ['secret'], 'glob')).toEqual({ m1: 42 })
    expect(await accounts.actors.m2.refusedSubscribe('reactor.mine.*')).toBe(true)
    expect(await accounts.actors.guest.refusedPublish(subjects.ofMinion('mine', 'm1'))).toBe(true)
  })

  it('loses a rule by nodegroup that is gone, which is said', async () => {
    await m1.send('secret', 42, { tgt: 'dbs', tgt_type: 'nodegroup' })
    const before = nodegroups.dbs!
    delete nodegroups.dbs
    try {
      expect(await m2.get('*', ['secret'], 'glob')).toEqual({})
    } finally {
      nodegroups.dbs = before
    }
    expect(lines.items.at(-1)).toMatchObject({ level: 40, allow: { tgt: 'dbs', tgt_type: 'nodegroup' } })
    expect(await m2.get('*', ['secret'], 'glob')).toEqual({ m1: 42 })
  })
})

describe('a request to the mine is refused', () => {
  it.each([
    ['no JSON', '{oops', /no JSON/],
    ['no operation', '{}', /^mine: 'op'/],
    ['another operation', '{"op": "steal"}', /^mine: 'op'/],
    ['an entry without a name', '{"op": "send", "name": "", "data": 1}', /^mine: 'name'/],
    ['a name with a NUL', '{"op": "send", "name": "a\\u0000b", "data": 1}', /^mine: 'name': a name has no control/],
    [
      'a name with a NUL to read',
      '{"op": "get", "tgt": "*", "tgt_type": "glob", "names": ["a\\u0000"]}',
      /^mine: 'names.0'/,
    ],
    ['a name with a NUL to delete', '{"op": "delete", "name": "a\\u0000b"}', /^mine: 'name'/],
    ['a name with a NUL to keep', '{"op": "flush", "keep": ["a\\u0000b"]}', /^mine: 'keep.0'/],
    ['a rule that is none', '{"op": "send", "name": "x", "data": 1, "allow": {"tgt": "*"}}', /^mine: 'allow.tgt_type'/],
    [
      'a rule with an unknown type',
      '{"op": "send", "name": "x", "data": 1, "allow": {"tgt": "*", "tgt_type": "globe"}}',
      /globe/,
    ],
    [
      'a rule that is too long',
      JSON.stringify({ op: 'send', name: 'x', data: 1, allow: { tgt: 'x'.repeat(1025), tgt_type: 'glob' } }),
      /^mine: 'allow.tgt': a rule has at most 1000/,
    ],
    ['a malformed target', '{"op": "get", "tgt": "web and", "tgt_type": "compound", "names": ["x"]}', /web and/],
    ['a key that nobody knows', '{"op": "delete", "name": "x", "minion": "m2"}', /minion/],
  ])('where it has %s', async (_what, body, message) => {
    expect(await ask(accounts.actors.m1.nc, 'm1', body)).toMatchObject({
      status: '400',
      error: expect.stringMatching(message),
    })
  })

  it('where the entry is too large, by the minion and by the mine', async () => {
    const { nc } = accounts.actors.m1
    const limit = Math.floor(nc.info!.max_payload / 4)
    const sized = (bytes: number) => 'x'.repeat(bytes - 2)
    const message = `mine entry 'big' has ${limit + 1} bytes, more than an entry may have (${limit}): send less of it`
    await expect(m1.send('big', sized(limit + 1))).rejects.toMatchObject({ code: 'bad_argument', message })
    const body = JSON.stringify({ op: 'send', name: 'big', data: sized(limit + 1) })
    expect(await ask(nc, 'm1', body)).toMatchObject({ status: '400', error: message })
    await m1.send('big', sized(limit))
    // Compared by hand: a difference would print both.
    expect((await m1.get('m1', ['big'], 'glob')).m1 === sized(limit)).toBe(true)
  })
})

it('more than a message holds comes in pages, each entry once', async () => {
  const limit = Math.floor(accounts.actors.m1.nc.info!.max_payload / 4)
  const names = Array.from({ length: 7 }, (_, index) => `n${index}`)
  for (const mine of [m1, m2]) for (const name of names) await mine.send(name, name + 'x'.repeat(limit - 100))
  const found = await m1.get('*', names, 'glob')
  expect(Object.keys(found)).toEqual(names)
  for (const name of names) expect(Object.keys(found[name] as object)).toEqual(['m1', 'm2'])
  const get = { op: 'get', tgt: '*', tgt_type: 'glob', names }
  const { value } = await ask(accounts.actors.m1.nc, 'm1', JSON.stringify(get))
  expect((value as MinePage).next).toEqual({ minion: 'm1', name: 'n2' })
})

it('entries come whole where there are more than one request looks at', async () => {
  const ids = Array.from({ length: 120 }, (_, index) => `many${index}`)
  const names = Array.from({ length: 100 }, (_, index) => `n${index}`.padEnd(200, '-'))
  const allow = { tgt: 'm2', tgt_type: 'glob' }
  for (const id of ids) {
    values.set(...minion(id))
    // Readable are the last alone: pages before are empty.
    const rule = id === 'many99' ? undefined : allow
    for (const name of names) store.put(id, name, { json: '1', bytes: 1, allow: rule })
  }
  try {
    const found = await m1.get('many*', names, 'glob')
    expect(Object.keys(found).sort()).toEqual([...names].sort())
    expect(new Set(Object.values(found).map(of => JSON.stringify(of)))).toEqual(new Set(['{"many99":1}']))
    const get = { op: 'get', tgt: 'many*', tgt_type: 'glob', names }
    const { value } = await ask(accounts.actors.m1.nc, 'm1', JSON.stringify(get))
    expect(value).toMatchObject({ entries: [], next: { name: names[99] } })
    // Counted with their names: else a page of small ones would not fit a message.
    const all = await m2.get('many*', names, 'glob')
    expect(Object.values(all).map(of => Object.keys(of as object).length)).toEqual(names.map(() => ids.length))
  } finally {
    for (const id of ids) {
      values.delete(escapeToken(id))
      store.flush(id, [])
    }
  }
})

it('a mine that nobody serves is said to be away', async () => {
  const lonely = createMineClient(accounts.actors.core.nc, createSubjects('elsewhere'), 'm1')
  await expect(lonely.send('x', 1)).rejects.toMatchObject({ code: 'unreachable' })
  await expect(lonely.get('*', ['x'], 'glob')).rejects.toMatchObject({
    code: 'unreachable',
    message: expect.stringMatching(/^the mine: nobody answers/),
  })
})

it('the service stops without closing the store', async () => {
  const other = createSubjects('other')
  const { nc } = accounts.actors.core
  const service = await serveMine({
    nc,
    subjects: other,
    store,
    fleet: { values },
    nodegroups,
    log: silentLog,
  })
  const client = createMineClient(nc, other, 'a.b')
  await client.send('x', 1)
  await service.stop()
  await expect(client.send('x', 1)).rejects.toMatchObject({ code: 'unreachable' })
  expect(store.data('a.b', 'x')).toBe('1')
})
