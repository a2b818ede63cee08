import { createUser } from '@nats-io/nkeys'
import type { NatsConnection } from '@nats-io/transport-node'
import { expect, it } from 'vitest'
import { createConnections } from '../../src/login/connections.ts'
import { within } from '../helpers/wait.ts'
import { connectAs, type Door, minionAttempt, openDoor, startDoorkeeper } from './door.ts'

const STALL_MS = 250

/** As the callout sees the server, which goes on to let minions in. */
async function connectionsOf(door: Door, page?: number) {
  const nc = await connectAs(door, 'callout', '_INBOX')
  return { nc, connections: createConnections(nc, page === undefined ? {} : { page }) }
}

it('lists those who came in by the callout by their names, and no static users', async () => {
  const door = await openDoor()
  await startDoorkeeper(door, { auto_accept: true })
  await Promise.all(['web1', 'web2'].map(id => minionAttempt(door, id, createUser())))
  const { nc, connections } = await connectionsOf(door)
  expect((await connections.list('FLEET', STALL_MS)).connections.map(({ name }) => name).sort()).toEqual([
    'web1',
    'web2',
  ])
  // The static operator `admin` is connected.
  expect(await connections.list('OPS', STALL_MS)).toEqual({ connections: [], silent: [] })
  await nc.close()
})

it('cuts every connection under a name, and no other', async () => {
  const door = await openDoor()
  await startDoorkeeper(door, { auto_accept: true })
  const key = createUser()
  const [first, second] = [await minionAttempt(door, 'web1', key), await minionAttempt(door, 'web1', key)]
  const others = await Promise.all(['web2', 'web', 'web11'].map(id => minionAttempt(door, id, createUser())))
  const { nc, connections } = await connectionsOf(door)
  expect(await connections.kick('FLEET', new Set(['web1']), STALL_MS)).toEqual({ cut: 2, silent: [] })
  await within(Promise.all([first.closed(), second.closed()]), 'the end of both')
  await stillThere(others)
  expect(await connections.kick('FLEET', new Set(['web1']), STALL_MS)).toEqual({ cut: 0, silent: [] })
  expect(await connections.kick('OPS', new Set(['web2']), STALL_MS)).toEqual({ cut: 0, silent: [] })
  expect(await connections.kick('FLEET', new Set(), STALL_MS)).toEqual({ cut: 0, silent: [] })
  await stillThere(others)
  await nc.close()
})

it('finds many names over several pages', async () => {
  const door = await openDoor()
  await startDoorkeeper(door, { auto_accept: true })
  const ids = Array.from({ length: 7 }, (_, n) => `web${n}`)
  const all = await Promise.all(ids.map(id => minionAttempt(door, id, createUser())))
  const { nc, connections } = await connectionsOf(door, 3)
  expect(await connections.kick('FLEET', new Set(ids.slice(1)), STALL_MS)).toEqual({ cut: 6, silent: [] })
  await within(Promise.all(all.slice(1).map(one => one.closed())), 'the end of six')
  await stillThere(all.slice(0, 1))
  await nc.close()
})

it('names servers that were there and do not answer, until they are forgotten', async () => {
  const door = await openDoor()
  await startDoorkeeper(door, { auto_accept: true })
  await minionAttempt(door, 'web1', createUser())
  const { nc, connections } = await connectionsOf(door)
  const { connections: first } = await connections.list('FLEET', STALL_MS)
  expect(first).toHaveLength(1)
  connections.saw('gone1')
  expect(await connections.list('FLEET', STALL_MS)).toMatchObject({
    connections: [{ name: 'web1' }],
    silent: ['gone1'],
  })
  expect(await connections.kick('FLEET', new Set(['web2']), STALL_MS)).toEqual({ cut: 0, silent: ['gone1'] })
  connections.forget(['gone1'])
  expect(await connections.list('FLEET', STALL_MS)).toMatchObject({ silent: [] })
  await nc.close()
})

it('fails where it may not ask', async () => {
  const door = await openDoor()
  const nc = await connectAs(door, 'admin', '_INBOX__user-admin')
  await expect(createConnections(nc).list('FLEET', STALL_MS)).rejects.toThrow(/Permissions Violation/)
  await nc.close()
})

async function stillThere(connections: NatsConnection[]): Promise<void> {
  for (const nc of connections) {
    await nc.flush()
    expect(nc.isClosed()).toBe(false)
  }
}
