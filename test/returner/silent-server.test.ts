import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import mysql from '../../src/returners/mysql.ts'
import postgres from '../../src/returners/postgres.ts'
import { createFor } from '../contract/returners.ts'

it.each([
  ['mysql', mysql],
  ['postgres', postgres],
] as const)('%s gives up a server that says nothing when it makes tables, as everywhere', async (name, definition) => {
  const taken: Socket[] = []
  const server = createServer(socket => void taken.push(socket)).listen(0, '127.0.0.1')
  onTestFinished(async () => {
    for (const socket of taken) socket.destroy()
    await new Promise(resolve => server.close(resolve))
  })
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const settings = { [`${name}.host`]: '127.0.0.1', [`${name}.port`]: port, [`${name}.timeout`]: '300ms' }
  await expect(createFor(name, definition, settings)).rejects.toThrow(/timeout|ETIMEDOUT|did not answer within 300ms/)
})
