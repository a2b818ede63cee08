import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { connectBus } from '../../src/bus/connect.ts'
import { keptLog } from '../helpers/core.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { createSeen } from '../helpers/wait.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

it('goes on reading after a callback that throws, and says so', async () => {
  const { log, lines } = keptLog()
  const bus = await connectBus({ servers: server.url, namespace: 'reactor', name: 'test', patient: false, log })
  onTestFinished(() => bus.close())
  const heard = createSeen<string>()
  bus.nc.subscribe('any', {
    callback(_error, message) {
      if (message.string() === 'bad') throw new Error('no such minion')
      heard.push(message.string())
    },
  })
  for (const body of ['bad', 'good']) bus.nc.publish('any', body)
  await heard.find(body => body === 'good', 'the message after it')
  expect(lines.items).toContainEqual(expect.objectContaining({ subject: 'any', error: 'no such minion' }))
})
