// Masters that come and go, and logins that end.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createUser } from '@nats-io/nkeys'
import { describe, expect, it } from 'vitest'
import { type LoginParts, startLogins } from '../../src/processes/callout.ts'
import { keptLog } from '../helpers/core.ts'
import { createSeen, within } from '../helpers/wait.ts'
import {
  accept,
  attempt,
  configOf,
  type Door,
  forget,
  minionAttempt,
  openDoor,
  patientMinion,
  startDoorkeeper,
  statusOf,
} from './door.ts'

const isAuth = (id: string) => (event: { tag: string; data: Record<string, unknown> }) =>
  event.tag === 'salt/auth' && event.data.act === 'accept' && event.data.id === id

/** A new salt/auth for each login. */
async function authTwice({ events }: Door): Promise<void> {
  const first = await events.find(isAuth('web1'), 'salt/auth')
  await events.find(event => event !== first && isAuth('web1')(event), 'a second salt/auth')
}

describe('while no master runs', () => {
  it('those who are connected stay; who comes is let in when one is back', async () => {
    const door = await openDoor()
    const first = await startDoorkeeper(door)
    const [key, late] = [createUser(), createUser()]
    await accept(first, 'web1', key)
    await accept(first, 'web2', late)
    const nc = await minionAttempt(door, 'web1', key)
    await first.stop()
    await nc.request('reactor.event.web1.still.here', JSON.stringify({ tag: 'still/here', data: {}, _stamp: '' }))
    const waiting = await patientMinion(door, 'web2', late)
    await startDoorkeeper(door)
    await within(waiting.nc, 'the login of the one who waited')
    await nc.flush()
    expect(nc.isClosed()).toBe(false)
  })

  it('a master that stops lets go of those whom it holds', async () => {
    const door = await openDoor()
    const master = await startDoorkeeper(door)
    const login = minionAttempt(door, 'web1', createUser())
    await door.events.find(({ tag, data }) => tag === 'salt/auth' && data.act === 'pend', 'salt/auth pend')
    await Promise.all([expect(login).rejects.toThrow(/Authorization/), master.stop()])
  })
})

describe('two masters', () => {
  it('share the logins, and either may accept or cut what the other let in', async () => {
    const door = await openDoor()
    const [one, two] = [await startDoorkeeper(door), await startDoorkeeper(door)]
    const ids = Array.from({ length: 20 }, (_, n) => `web${n}`)
    const keys = new Map(ids.map(id => [id, createUser()] as const))
    const logins = ids.map(id => minionAttempt(door, id, keys.get(id)!))
    // Whichever holds a login, the other accepts its key.
    await Promise.all(
      ids.map(async (id, n) => {
        await door.events.find(({ tag, data }) => tag === 'salt/auth' && data.id === id, `salt/auth of ${id}`)
        await accept(n % 2 === 0 ? one : two, id, keys.get(id)!)
      }),
    )
    const connections = await within(Promise.all(logins), 'all logins')
    await Promise.all(ids.map(id => door.events.find(isAuth(id), `salt/auth accept of ${id}`)))
    expect(door.events.items.filter(({ tag, data }) => tag === 'salt/auth' && data.act === 'accept')).toHaveLength(20)
    await forget(one, 'web0')
    await forget(two, 'web1')
    await within(Promise.all(connections.slice(0, 2).map(nc => nc.closed())), 'the end of two connections')
    for (const nc of connections.slice(2)) await nc.flush()
  })

  it('go on with one when the other ends', async () => {
    const door = await openDoor()
    const [one, two] = [await startDoorkeeper(door), await startDoorkeeper(door)]
    const key = createUser()
    await accept(two, 'web1', key)
    await one.stop()
    for (let n = 0; n < 4; n++) await (await minionAttempt(door, 'web1', key)).flush()
    await door.events.find(isAuth('web1'), 'salt/auth')
  })
})

describe('a login that has ended', () => {
  it('comes again by itself with a new salt/auth, and its subscriptions stay', async () => {
    const door = await openDoor()
    const master = await startDoorkeeper(door, { login_ttl: '2s' })
    const key = createUser()
    await accept(master, 'web1', key)
    const { nc: connecting } = await patientMinion(door, 'web1', key)
    const nc = await within(connecting, 'the login')
    const status = statusOf(nc)
    const heard = createSeen<string>()
    nc.subscribe('_INBOX_web1.kept', { callback: (_error, message) => heard.push(message.string()) })
    await status.find(type => type === 'reconnect', 'the second login')
    await nc.flush()
    await authTwice(door)
    expect(nc.isClosed()).toBe(false)
    // Made before the login ended: the ack of an event comes to it.
    nc.publish('reactor.event.web1.after', JSON.stringify({ tag: 'after', data: {}, _stamp: '' }), {
      reply: '_INBOX_web1.kept',
    })
    const [ack] = await heard.reach(1)
    expect(JSON.parse(ack!)).toHaveProperty('seq')
  })

  it('is refused when it comes again with a key that was deleted', async () => {
    const door = await openDoor()
    const master = await startDoorkeeper(door, { login_ttl: '2s' })
    const key = createUser()
    await accept(master, 'web1', key)
    const nc = await minionAttempt(door, 'web1', key)
    await within(nc.closed(), 'the end of the login')
    await forget(master, 'web1')
    await expect(minionAttempt(door, 'web1', key)).rejects.toThrow(/Authorization/)
  })
})

describe('a master that starts', () => {
  it('ends the connections of operators from before it, who come in again by what they may today', async () => {
    const door = await openDoor()
    const first = await startDoorkeeper(door)
    const key = createUser()
    await first.operators.add({ name: 'ada', roles: ['admin'], nkey: key.getPublicKey() })
    const minion = createUser()
    await accept(first, 'web1', minion)
    const [ada, web1] = [await attempt(door, { key }), await minionAttempt(door, 'web1', minion)]
    await first.stop()
    await startDoorkeeper(door)
    await within(ada.closed(), 'the end of the connection')
    const again = await attempt(door, { key })
    await again.flush()
    await web1.flush()
    expect([again.isClosed(), web1.isClosed()]).toEqual([false, false])
  })
})

describe('starting', () => {
  it('names the file where the issuer is no seed of an account', async () => {
    const door = await openDoor()
    const wrong = join(door.dir, 'wrong.seed')
    await writeFile(wrong, 'hello\n', { mode: 0o600 })
    const missing = join(door.dir, 'missing.seed')
    for (const issuer of [wrong, missing, door.keyFile('admin')])
      await expect(startDoorkeeper(door, { callout: { seed: door.keyFile('callout'), issuer } })).rejects.toMatchObject(
        {
          code: 'bad_config',
          message: expect.stringContaining(issuer),
        },
      )
  })

  it('says that only static users come in where no callout is configured', async () => {
    const door = await openDoor()
    const { lines } = await startDoorkeeper(door, { callout: undefined })
    await lines.find(({ msg }) => msg.includes('only static users'), 'the line')
  })

  it('answers nobody where there are no accounts, and says so where it was asked to', async () => {
    const door = await openDoor()
    const { log, lines } = keptLog()
    const config = { ...configOf(door), isolation: 'none' as const }
    const logins = await startLogins(config, { log } as unknown as LoginParts)
    await lines.find(({ msg }) => msg.includes('isolation none'), 'the line')
    await logins.stop()
    const quiet = await startLogins({ ...config, master: { ...config.master, callout: undefined } }, {
      log,
    } as unknown as LoginParts)
    await quiet.stop()
    expect(lines.items).toHaveLength(1)
  })
})
