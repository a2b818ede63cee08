import { createUser } from '@nats-io/nkeys'
import { describe, expect, it } from 'vitest'
import { hashPassword } from '../../src/operators/password.ts'
import { operatorInbox } from '../../src/protocol/inbox.ts'
import { within } from '../helpers/wait.ts'
import { attempt, connectAs, openDoor, startDoorkeeper } from './door.ts'

const isLogin = (user: string, result: string) => (event: { tag: string; data: Record<string, unknown> }) =>
  event.tag === 'salt/audit/login' && event.data.user === user && event.data.result === result

describe('an operator', () => {
  it('comes in by nkey, as themselves', async () => {
    const door = await openDoor()
    const master = await startDoorkeeper(door)
    const key = createUser()
    await master.operators.add({ name: 'ada', roles: ['admin'], nkey: key.getPublicKey() })
    const nc = await attempt(door, { key, inboxPrefix: operatorInbox('ada') })
    await nc.request(
      'reactor.event._user-ada.deploy.done',
      JSON.stringify({ tag: 'deploy/done', data: {}, _stamp: '' }),
    )
    const event = await door.events.find(({ tag }) => tag === 'deploy/done', 'the event')
    expect(event.origin).toEqual({ kind: 'user', id: 'ada' })
    const record = await door.events.find(isLogin('ada', 'ok'), 'the audit record')
    expect(record.data).toMatchObject({ source: '127.0.0.1', action: 'login' })
  })

  it('comes in by name and password, and not by another password or name', async () => {
    const door = await openDoor()
    const master = await startDoorkeeper(door)
    await master.operators.add({ name: 'bob', roles: ['admin'], password_hash: await hashPassword('right horse') })
    const wrong = [
      { user: 'bob', pass: 'wrong horse' },
      { user: 'bob', pass: '' },
      { user: 'bobby', pass: 'right horse' },
    ]
    for (const login of wrong) await expect(attempt(door, login)).rejects.toThrow(/Authorization/)
    const refused = await door.events.find(isLogin('bob', 'refused'), 'the audit record')
    expect(JSON.stringify(refused.data)).not.toContain('horse')
    const nc = await attempt(door, { user: 'bob', pass: 'right horse', inboxPrefix: operatorInbox('bob') })
    await nc.flush()
    expect(nc.isClosed()).toBe(false)
    await door.events.find(isLogin('bob', 'ok'), 'the audit record of the login')
  })

  it('who gives wrong passwords again and again waits before the next is looked at; their key would come in', async () => {
    const door = await openDoor()
    const master = await startDoorkeeper(door)
    const kim = createUser()
    await master.operators.add({ name: 'kim', roles: ['admin'], nkey: kim.getPublicKey() })
    await master.operators.add({ name: 'bob', roles: ['admin'], password_hash: await hashPassword('right horse') })
    for (let n = 0; n < 5; n++)
      await expect(attempt(door, { user: 'bob', pass: `horse${n}` })).rejects.toThrow(/Authorization/)
    await expect(attempt(door, { user: 'bob', pass: 'right horse' })).rejects.toThrow(/Authorization/)
    const waits = (event: { data: Record<string, unknown> }) =>
      /too many wrong passwords/.test(String(event.data.reason))
    expect((await door.events.find(waits, 'the audit record')).data).toMatchObject({ user: 'bob', result: 'refused' })
    expect((await attempt(door, { key: kim })).isClosed()).toBe(false)
    const comesIn = async (): Promise<boolean> =>
      attempt(door, { user: 'bob', pass: 'right horse' }).then(
        () => true,
        () => comesIn(),
      )
    expect(await within(comesIn(), 'the login after the wait')).toBe(true)
  })

  it('is refused with an unknown key, a key that is not held, the key and another name, or nothing', async () => {
    const door = await openDoor()
    const master = await startDoorkeeper(door)
    const key = createUser()
    const nkey = key.getPublicKey()
    await master.operators.add({ name: 'ada', roles: ['admin'], nkey })
    const outcomes = await Promise.allSettled([
      attempt(door, { key: createUser() }),
      attempt(door, { key, nonce: 'seen-before' }),
      attempt(door, { key, user: 'bob', pass: '' }),
      attempt(door, {}),
      attempt(door, {}, { authenticator: () => ({ auth_token: 'admin' }) }),
      attempt(door, {}, { authenticator: () => ({ nkey, sig: '' }) }),
    ])
    expect(outcomes.map(({ status }) => status)).toEqual(Array(6).fill('rejected'))
    expect((await attempt(door, { key })).isClosed()).toBe(false)
  })

  it('who gives a password in the place of a name has it nowhere', async () => {
    const door = await openDoor()
    const master = await startDoorkeeper(door)
    await expect(attempt(door, { user: 'my secret: horse', pass: 'x' })).rejects.toThrow(/Authorization/)
    await door.events.find(isLogin('', 'refused'), 'the audit record')
    expect(JSON.stringify([door.events.items, master.lines.items])).not.toContain('horse')
  })

  it.each([
    ['changed', (name: string) => ({ change: name })],
    ['removed', (name: string) => ({ remove: name })],
  ] as const)('who is %s is cut', async (_what, how) => {
    const door = await openDoor()
    const master = await startDoorkeeper(door)
    const key = createUser()
    await master.operators.add({ name: 'ada', roles: ['admin'], nkey: key.getPublicKey() })
    const nc = await attempt(door, { key })
    const deed = how('ada')
    if ('remove' in deed) await master.operators.remove('ada')
    else await master.operators.change('ada', { nkey: createUser().getPublicKey() })
    await within(nc.closed(), 'the end of the connection')
    await expect(attempt(door, { key })).rejects.toThrow(/Authorization/)
  })
})

it('a static operator comes in while no master answers, and unasked', async () => {
  const door = await openDoor()
  const nc = await connectAs(door, 'admin', operatorInbox('admin'))
  await nc.flush()
  await nc.close()
  const master = await startDoorkeeper(door)
  await (await connectAs(door, 'admin', operatorInbox('admin'))).close()
  const key = createUser()
  await master.operators.add({ name: 'ada', roles: ['admin'], nkey: key.getPublicKey() })
  await attempt(door, { key })
  await door.events.find(isLogin('ada', 'ok'), 'the audit record of another')
  expect(door.events.items.filter(({ tag }) => tag === 'salt/audit/login')).toHaveLength(1)
})
