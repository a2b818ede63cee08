import { jetstreamManager } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createPublisher, type Publisher } from '../../src/bus/publish.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'

let server: TestServer
let nc: NatsConnection
let publisher: Publisher

beforeAll(async () => {
  server = await startTestServer()
  nc = await connect({ servers: server.url })
  publisher = createPublisher(nc)
  await (await jetstreamManager(nc)).streams.add({ name: 'S', subjects: ['s.>'] })
})

afterAll(async () => {
  publisher.stop()
  await nc.close()
  await server.stop()
})

const stored = async (seq: number) => (await (await jetstreamManager(nc)).streams.getMessage('S', { seq }))!

describe('a publish under an id', () => {
  it('is stored once, whatever its body', async () => {
    const first = await publisher.publish('s.a', 'one', { id: 'event/rule' })
    expect(first.duplicate).toBe(false)
    expect(await publisher.publish('s.a', 'two', { id: 'event/rule' })).toEqual({ seq: first.seq, duplicate: true })
    const message = await stored(first.seq)
    expect([message.header.get('Nats-Msg-Id'), message.string()]).toEqual(['event/rule', 'one'])
  })

  it('keeps its other headers, and text beyond ASCII', async () => {
    const others = { 'Reactor-Cause': 'x', 'Reactor-Hops': '3' }
    const { seq } = await publisher.publish('s.a', 'größer ✓', { id: 'ä', headers: others })
    const message = await stored(seq)
    expect(message.string()).toBe('größer ✓')
    expect([...message.header]).toEqual([
      ['Nats-Msg-Id', ['ä']],
      ['Reactor-Cause', ['x']],
      ['Reactor-Hops', ['3']],
    ])
  })

  it('leaves out headers that are empty', async () => {
    const headers = { 'Reactor-Cause': '', 'Reactor-Chain': undefined }
    const { seq } = await publisher.publish('s.a', 'x', { id: 'empty', headers })
    expect([...(await stored(seq)).header]).toEqual([['Nats-Msg-Id', ['empty']]])
  })

  it.each(['a\r\nReactor-User: admin', 'a\nb', 'a\rb'])('is refused where the id %j would add a header', async id => {
    await expect(publisher.publish('s.a', 'x', { id })).rejects.toMatchObject({
      code: 'bad_event',
      message: expect.stringContaining('has a line break'),
    })
    expect(publisher.pending()).toBe(0)
  })
})
