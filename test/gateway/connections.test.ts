// What connections may cost, and how they end.
import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { createSeen, untilTaken, within } from '../helpers/wait.ts'
import { openGateway } from './gate.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server?.stop())

function open(port: number): Socket {
  const socket = connect(port, '127.0.0.1').on('error', () => undefined)
  onTestFinished(() => void socket.destroy())
  return socket
}

const hooks = { '/hook/x': { auth: 'none' } }
const ended = (socket: Socket) => within(new Promise(resolve => socket.once('close', resolve)), 'the end')
const answered = (socket: Socket, request: string) =>
  within(
    new Promise<string>(resolve => {
      socket.once('data', data => resolve(data.toString('latin1')))
      socket.write(request)
    }),
    'the answer',
  )
const REQUEST = 'POST /hook/x HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\n\r\na'

describe('connections of one address', () => {
  it('are as many as one may have, and one that ends makes room', async () => {
    const gate = await openGateway(server, { hooks, address_connections: 2 })
    const [first, second] = [open(gate.port), open(gate.port)]
    for (const socket of [first, second]) expect(await answered(socket, REQUEST)).toContain(' 202 ')
    const third = open(gate.port)
    third.write(REQUEST)
    await ended(third)
    expect(await gate.stored()).toHaveLength(2)
    const over = ended(second)
    second.end()
    await over
    await untilTaken('the room', async () => {
      expect((await gate.post('/hook/x', 'b')).status).toBe(202)
    })
  })

  it('are not counted where it is a trusted proxy', async () => {
    const gate = await openGateway(server, { hooks, address_connections: 1, trusted_proxies: ['127.0.0.1'] })
    for (const socket of [open(gate.port), open(gate.port)]) expect(await answered(socket, REQUEST)).toContain(' 202 ')
  })
})

describe('a gateway that stops', () => {
  it('answers what it has in hand, and has its sender open another connection', async () => {
    const gate = await openGateway(server, { hooks })
    const socket = open(gate.port)
    const got = createSeen<string>()
    let text = ''
    socket.on('data', data => {
      text += data.toString('latin1')
      got.push(text)
    })
    socket.write('POST /hook/x HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 1\r\n\r\n')
    await got.find(all => all.includes('100 Continue'), 'that the request is in hand')
    const stopped = gate.running.stop()
    socket.write('a')
    const answer = await got.find(all => all.includes('"event"'), 'the answer')
    expect(answer).toMatch(/ 202 .*^connection: close\r$/ims)
    await stopped
  })
})
