import { jetstreamManager } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import { consumeDurable } from '../../src/bus/consume.ts'
import { provisionStreams } from '../../src/bus/provision.ts'
import { createPublisher, type Publisher } from '../../src/bus/publish.ts'
import { DEFAULT_LIMITS, reactorConsumer } from '../../src/protocol/streams.ts'
import { type RestartableServer, startRestartableServer } from '../helpers/restartable.ts'
import { createSeen } from '../helpers/wait.ts'

let server: RestartableServer
let nc: NatsConnection
let publisher: Publisher

beforeEach(async () => {
  server = await startRestartableServer()
  nc = await connect({ servers: server.url, maxReconnectAttempts: -1, reconnectTimeWait: 50, reconnectJitter: 0 })
  await provisionStreams(nc, 'reactor', DEFAULT_LIMITS)
  publisher = createPublisher(nc)
})

afterEach(async () => {
  publisher.stop()
  await nc.close()
  await server.remove()
})

const send = (text: string) => publisher.publish('reactor.event.m1.a', text)
const consume = async () => {
  const seen = createSeen<string>()
  const running = await consumeDurable(nc, {
    stream: 'reactor_EVENTS',
    consumer: reactorConsumer('reactor'),
    log: silentLog,
    onMessage(message) {
      message.ack()
      seen.push(message.string())
    },
  })
  return { seen, running, has: (text: string) => seen.find(one => one === text, text) }
}

describe('consuming a stream', () => {
  it('gives what was stored before and what comes after, in order', async () => {
    await send('1')
    await send('2')
    const { seen, running } = await consume()
    await send('3')
    expect(await seen.reach(3)).toEqual(['1', '2', '3'])
    await running.stop()
  })

  it('goes on after the server was restarted', async () => {
    const { has, running } = await consume()
    await send('before')
    await has('before')
    await server.end()
    const meanwhile = send('meanwhile')
    await server.start()
    await meanwhile
    await send('after')
    await has('meanwhile')
    await has('after')
    await running.stop()
  })

  it('goes on after its consumer was deleted', async () => {
    const { has, running } = await consume()
    await send('before')
    await has('before')
    await (await jetstreamManager(nc)).consumers.delete('reactor_EVENTS', 'reactor_reactor')
    await send('after')
    await has('after')
    await running.stop()
  })

  it('goes on after its stream was deleted and made again', async () => {
    const { has, running } = await consume()
    await send('before')
    await has('before')
    await (await jetstreamManager(nc)).streams.delete('reactor_EVENTS')
    await provisionStreams(nc, 'reactor', DEFAULT_LIMITS)
    await send('after')
    await has('after')
    await running.stop()
  })

  it('takes nothing more once it has stopped, and leaves it to the next', async () => {
    const first = await consume()
    await send('1')
    await first.seen.reach(1)
    await Promise.all([first.running.stop(), first.running.stop()])
    await send('2')
    const second = await consume()
    expect(await second.seen.reach(1)).toEqual(['2'])
    expect(first.seen.items).toEqual(['1'])
    await second.running.stop()
  })

  it('is refused, by name, where the stream is missing', async () => {
    const options = { stream: 'none', consumer: reactorConsumer('reactor'), log: silentLog, onMessage: () => undefined }
    await expect(consumeDurable(nc, options)).rejects.toMatchObject({
      code: 'bad_config',
      message: expect.stringContaining('none'),
    })
  })
})
