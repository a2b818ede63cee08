import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { connectBus, withoutPassword } from '../../src/bus/connect.ts'
import { keptLog } from '../helpers/core.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { createSeen, within } from '../helpers/wait.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

it.each([
  ['nats://ada:sesame@host:4222', 'nats://host:4222'],
  ['ada:sesame@host:4222', 'host:4222'],
  ['token@host', 'host'],
  ['tls://ada:ses/a@me@host', 'tls://host'],
  ['wss+x://ada:sesame@[::1]:80', 'wss+x://[::1]:80'],
  ['nats://host:4222', 'nats://host:4222'],
  ['host', 'host'],
])('shows no login of the URL %s', (url, shown) => {
  expect(withoutPassword(url)).toBe(shown)
})

it('names a server that does not answer without its login', async () => {
  const { log } = keptLog()
  const options = { servers: 'ada:sesame@127.0.0.1:1', namespace: 'reactor', name: 'test', patient: false, log }
  await expect(connectBus(options)).rejects.toMatchObject({
    code: 'unreachable',
    message: expect.stringMatching(/^no NATS server answers at 127\.0\.0\.1:1 (?!.*sesame)/),
  })
})

it('keeps no connection to a server that took it and said nothing', async () => {
  const mute = createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void mute.close())
  await once(mute, 'listening')
  const closed = once(mute, 'connection').then(([socket]: Socket[]) => {
    onTestFinished(() => void socket?.destroy())
    return once(socket!.resume(), 'close')
  })
  const { log } = keptLog()
  const servers = `nats://127.0.0.1:${(mute.address() as AddressInfo).port}`
  await expect(connectBus({ servers, namespace: 'reactor', name: 'test', patient: false, log })).rejects.toMatchObject({
    code: 'unreachable',
    message: expect.stringContaining('no answer to the login at'),
  })
  await within(closed, 'the end of the connection')
})

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
