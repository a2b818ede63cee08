import { createUser } from '@nats-io/nkeys'
import { describe, expect, it } from 'vitest'
import { minionInbox, operatorInbox } from '../../src/protocol/inbox.ts'
import { createGate, createSeen, within } from '../helpers/wait.ts'
import { accept, attempt, forget, minionAttempt, openDoor, patientMinion, reject, startDoorkeeper } from './door.ts'

const isAuth = (act: string, id: string) => (event: { tag: string; data: Record<string, unknown> }) =>
  event.tag === 'salt/auth' && event.data.act === act && event.data.id === id

describe('a minion', () => {
  it('waits while its key is pending, and is in as soon as it is accepted', async () => {
    const door = await openDoor()
    const master = await startDoorkeeper(door)
    const { nc, key } = await patientMinion(door, 'web1')
    const pend = await door.events.find(isAuth('pend', 'web1'), 'salt/auth pend')
    expect(pend.data).toMatchObject({ result: true, act: 'pend', id: 'web1', pub: key.getPublicKey() })
    expect(master.keys.get('web1')?.own?.state).toBe('pending')
    await accept(master, 'web1', key)
    await within(nc, 'the login of the accepted minion')
    const accepted = await door.events.find(isAuth('accept', 'web1'), 'salt/auth accept')
    expect(accepted.data).toMatchObject({ result: true, id: 'web1', pub: key.getPublicKey() })
  })

  it('is told of once while it goes on asking', async () => {
    const door = await openDoor()
    const master = await startDoorkeeper(door)
    const key = createUser()
    for (let n = 0; n < 2; n++) await expect(minionAttempt(door, 'web1', key)).rejects.toThrow(/Authorization/)
    await accept(master, 'web1', key)
    await minionAttempt(door, 'web1', key)
    await door.events.find(isAuth('accept', 'web1'), 'salt/auth accept')
    const acts = door.events.items.filter(({ tag }) => tag === 'salt/auth').map(({ data }) => data.act)
    expect(acts).toEqual(['pend', 'accept'])
  })

  it('that is held is let in by its first login', async () => {
    const door = await openDoor()
    const master = await startDoorkeeper(door)
    const key = createUser()
    const login = minionAttempt(door, 'web1', key)
    await door.events.find(isAuth('pend', 'web1'), 'salt/auth pend')
    await accept(master, 'web1', key)
    expect((await login).isClosed()).toBe(false)
  })

  it('is refused with a rejected key', async () => {
    const door = await openDoor()
    const master = await startDoorkeeper(door)
    const key = createUser()
    await reject(master, 'web1', key)
    await expect(minionAttempt(door, 'web1', key)).rejects.toThrow(/Authorization/)
    const event = await door.events.find(isAuth('reject', 'web1'), 'salt/auth reject')
    expect(event.data).toMatchObject({ result: false, pub: key.getPublicKey() })
  })

  it('is refused with a second key for a known id, and the first stays connected', async () => {
    const door = await openDoor()
    const master = await startDoorkeeper(door)
    const [first, second] = [createUser(), createUser()]
    await accept(master, 'web1', first)
    const nc = await minionAttempt(door, 'web1', first)
    await expect(minionAttempt(door, 'web1', second)).rejects.toThrow(/Authorization/)
    const event = await door.events.find(isAuth('denied', 'web1'), 'salt/auth denied')
    expect(event.data).toMatchObject({ result: false, pub: second.getPublicKey() })
    await nc.flush()
    expect(nc.isClosed()).toBe(false)
  })

  it('comes in by a join token', async () => {
    const door = await openDoor()
    const master = await startDoorkeeper(door)
    const { token } = await master.tokens.create({ ids: 'web*', uses: 1, expiresMs: 60_000, by: 'admin' })
    const nc = await minionAttempt(door, 'web1', createUser(), { join: token })
    expect(nc.isClosed()).toBe(false)
  })

  it('may speak and hear as itself alone', async () => {
    const door = await openDoor()
    const master = await startDoorkeeper(door)
    const key = createUser()
    await accept(master, 'web-1.example', key)
    const nc = await minionAttempt(door, 'web-1.example', key)
    const refused = createGate()
    void (async () => {
      for await (const status of nc.status()) if (status.type === 'error') refused.open()
    })()
    await nc.request('reactor.event.web-1=2Eexample.my.tag', JSON.stringify({ tag: 'my/tag', data: {}, _stamp: '' }))
    nc.publish('reactor.event.web2.my.tag', '{}')
    await within(refused.passed, 'the refusal of another origin')
    await door.events.find(({ tag }) => tag === 'my/tag', 'its own event')
    expect(door.events.items.filter(({ tag }) => tag === 'my/tag').map(({ origin }) => origin)).toEqual([
      { kind: 'minion', id: 'web-1.example' },
    ])
  })

  it.each(['*', '>', 'a.*', '../x', 'a b', '', 'wéb', 'x'.repeat(300)])(
    'is refused under the id %j, and leaves nothing',
    async id => {
      const door = await openDoor()
      const master = await startDoorkeeper(door, { auto_accept: true })
      await expect(attempt(door, { key: createUser(), user: `minion:${id}` })).rejects.toThrow(/Authorization/)
      expect([...master.keys.entries()]).toEqual([])
      await minionAttempt(door, 'good', createUser())
      await door.events.find(isAuth('accept', 'good'), 'salt/auth of another')
      expect(door.events.items.filter(({ tag }) => tag === 'salt/auth')).toHaveLength(1)
    },
  )
})

describe('a key that the login does not hold', () => {
  it('lets nobody in: no signature, that of another key, that of another nonce', async () => {
    const door = await openDoor()
    const master = await startDoorkeeper(door)
    const key = createUser()
    await accept(master, 'web1', key)
    const nkey = key.getPublicKey()
    const attempts = [
      attempt(door, { user: 'minion:web1' }),
      attempt(
        door,
        { user: 'minion:web1' },
        { authenticator: () => ({ nkey, sig: '', user: 'minion:web1', pass: '' }) },
      ),
      attempt(
        door,
        { user: 'minion:web1' },
        {
          authenticator: nonce => ({
            nkey,
            sig: Buffer.from(createUser().sign(Buffer.from(nonce ?? ''))).toString('base64'),
            user: 'minion:web1',
            pass: '',
          }),
        },
      ),
      attempt(door, { key, user: 'minion:web1', nonce: 'a-nonce-seen-before' }),
    ]
    const outcomes = await Promise.allSettled(attempts)
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected', 'rejected'])
    const record = await door.events.find(({ tag }) => tag === 'salt/audit/login', 'the audit record')
    expect(record.data).toMatchObject({ user: 'minion:web1', result: 'refused', source: '127.0.0.1' })
    expect(door.events.items.filter(({ tag }) => tag === 'salt/auth')).toEqual([])
    // The same server and master let the holder of the key in.
    expect((await minionAttempt(door, 'web1', key)).isClosed()).toBe(false)
  })

  it('makes no pending key', async () => {
    const door = await openDoor()
    const master = await startDoorkeeper(door)
    await expect(attempt(door, { key: createUser(), user: 'minion:web1', nonce: 'old' })).rejects.toThrow(
      /Authorization/,
    )
    expect(master.keys.get('web1')).toBeUndefined()
  })

  it('is refused, as is what else the login says where it is malformed', async () => {
    const door = await openDoor()
    const master = await startDoorkeeper(door, { auto_accept: true })
    for (const pass of ['{}', 'x'.repeat(3000), Buffer.from('{"join":1}').toString('base64url')])
      await expect(attempt(door, { key: createUser(), user: 'minion:web1', pass })).rejects.toThrow(/Authorization/)
    expect(master.keys.get('web1')).toBeUndefined()
  })
})

describe('a key that is not accepted any more', () => {
  it.each([
    ['deleted', forget],
    ['rejected', reject],
  ])('is %s: its connection is cut and does not come back', async (_what, end) => {
    const door = await openDoor()
    const master = await startDoorkeeper(door)
    const [key, other] = [createUser(), createUser()]
    await accept(master, 'web1', key)
    await accept(master, 'web2', other)
    const [nc, neighbour] = [await minionAttempt(door, 'web1', key), await minionAttempt(door, 'web2', other)]
    await end(master, 'web1', key)
    await within(nc.closed(), 'the end of the connection')
    await expect(minionAttempt(door, 'web1', key)).rejects.toThrow(/Authorization/)
    await neighbour.flush()
    expect(neighbour.isClosed()).toBe(false)
  })

  it('is another one: who came in with the old one is cut', async () => {
    const door = await openDoor()
    const master = await startDoorkeeper(door)
    const [key, next] = [createUser(), createUser()]
    await accept(master, 'web1', key)
    const nc = await minionAttempt(door, 'web1', key)
    await accept(master, 'web1', next)
    await within(nc.closed(), 'the end of the connection')
    expect((await minionAttempt(door, 'web1', next)).isClosed()).toBe(false)
  })

  it('was deleted while no master ran: its connection is cut when one starts', async () => {
    const door = await openDoor()
    const first = await startDoorkeeper(door)
    const [key, other] = [createUser(), createUser()]
    await accept(first, 'web1', key)
    await accept(first, 'web2', other)
    const [nc, neighbour] = [await minionAttempt(door, 'web1', key), await minionAttempt(door, 'web2', other)]
    await first.stop()
    const silent = await startDoorkeeper(door, { callout: undefined })
    await forget(silent, 'web1')
    await silent.stop()
    await nc.flush()
    await startDoorkeeper(door)
    await within(nc.closed(), 'the end of the connection')
    await neighbour.flush()
    expect(neighbour.isClosed()).toBe(false)
  })
})

describe('subscriptions', () => {
  it.each([
    ['a minion', 64],
    ['an operator', 512],
  ])('of %s are bounded by the server; those that it has go on', async (who, most) => {
    const door = await openDoor()
    const master = await startDoorkeeper(door, { auto_accept: true })
    const key = createUser()
    if (who === 'an operator') await master.operators.add({ name: 'ada', roles: ['admin'], nkey: key.getPublicKey() })
    const [nc, inbox] =
      who === 'a minion'
        ? [await minionAttempt(door, 'web1', key), minionInbox('web1')]
        : [await attempt(door, { key }), operatorInbox('ada')]
    const refused = createSeen<string>()
    void (async () => {
      for await (const status of nc.status()) if (status.type === 'error') refused.push(status.error.message)
    })()
    for (let n = 0; n < most; n++) nc.subscribe(`${inbox}.${n}`, { callback: () => undefined })
    await nc.flush()
    expect(refused.items).toEqual([])
    nc.subscribe(`${inbox}.more`, { callback: () => undefined })
    expect(await refused.find(() => true, 'the refusal')).toMatch(/maximum subscriptions exceeded/i)
    await nc.flush()
    expect(nc.isClosed()).toBe(false)
  })
})
