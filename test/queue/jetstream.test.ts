import { jetstreamManager } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { provisionStreams } from '../../src/bus/provision.ts'
import { createPublisher } from '../../src/bus/publish.ts'
import { DEFAULT_LIMITS, queueConsumer, streamNames } from '../../src/protocol/streams.ts'
import { createSubjects } from '../../src/protocol/subject.ts'
import { entryOf } from '../../src/queue/entry.ts'
import { openJetStreamQueues } from '../../src/queue/jetstream.ts'
import { queueContract } from '../contract/queues.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'

const NS = 'queues'
let server: TestServer
let nc: NatsConnection

beforeAll(async () => {
  server = await startTestServer()
  nc = await connect({ servers: server.url })
  await provisionStreams(nc, NS, DEFAULT_LIMITS)
})
afterAll(async () => {
  await nc?.close()
  await server?.stop()
})

describe('the jetstream backend', () => {
  const subjects = createSubjects(NS)
  const open = async (settings: Parameters<typeof openJetStreamQueues>[1]) => {
    const own = await connect({ servers: server.url })
    const publisher = createPublisher(own)
    const backend = await openJetStreamQueues({ nc: own, subjects, publisher }, settings)
    const close = async () => {
      publisher.stop()
      await own.close()
    }
    return { ...backend, close }
  }
  queueContract({ open, popper: () => ({ url: server.url, ns: NS }) })

  it('gives out what is there also where its consumer is gone', async () => {
    const [backend, other] = [await open({ leaseMs: 60_000, tries: 3 }), await open({ leaseMs: 60_000, tries: 3 })]
    await backend.insert('gone', ['a', 'b'].map(entryOf))
    const jsm = await jetstreamManager(nc)
    const remove = () => jsm.consumers.delete(streamNames(NS).queues, queueConsumer(NS, 'gone', 1).durable_name)
    await remove()
    expect((await other.lease('gone', 1)).map(({ item }) => item)).toEqual(['a'])
    await remove()
    expect(await backend.length('gone')).toBe(2)
    await backend.close()
    await other.close()
  })

  it('gives nothing out twice within a lease that the config has made longer since', async () => {
    const before = await open({ leaseMs: 1000, tries: 5 })
    await before.insert('longer', [entryOf('a')])
    await before.close()
    const backend = await open({ leaseMs: 60_000, tries: 5 })
    expect((await backend.lease('longer', 1)).map(({ item }) => item)).toEqual(['a'])
    const jsm = await jetstreamManager(nc)
    const { config } = await jsm.consumers.info(
      streamNames(NS).queues,
      queueConsumer(NS, 'longer', 60_000).durable_name,
    )
    expect(config.ack_wait).toBe(60_000 * 1_000_000)
    await backend.close()
  })

  it('gives out the others where one that is spent has no room among the dead', async () => {
    const backend = await open({ leaseMs: 60_000, tries: 1 })
    await backend.insert('spent', [entryOf(`spent ${'x'.repeat(5000)}`)])
    await backend.nack('spent', await backend.lease('spent', 1))
    await backend.insert('spent', ['a', 'b'].map(entryOf))
    const jsm = await jetstreamManager(nc)
    const stream = streamNames(NS).queues
    const { config, state } = await jsm.streams.info(stream)
    await jsm.streams.update(stream, { ...config, max_bytes: state.bytes + 100 })
    expect((await backend.lease('spent', 10)).map(({ item }) => item)).toEqual(['a', 'b'])
    await jsm.streams.update(stream, config)
    expect(await backend.dead('spent', 10)).toEqual([])
    await backend.close()
  })

  it('says which it has removed where the answers for others are lost', async () => {
    const backend = await open({ leaseMs: 60_000, tries: 3 })
    await backend.insert('torn', ['a', 'b', 'c'].map(entryOf))
    const leases = await backend.lease('torn', 3)
    const own = await connect({ servers: server.url })
    const torn = new Proxy(own, {
      get(target, name) {
        const value = Reflect.get(target, name)
        if (name !== 'request') return typeof value === 'function' ? value.bind(target) : value
        return (subject: string, ...rest: [string, { timeout: number }]) =>
          subject === leases[1]!.id ? Promise.reject(new Error('timeout')) : target.request(subject, ...rest)
      },
    })
    const publisher = createPublisher(own)
    const half = await openJetStreamQueues({ nc: torn, subjects, publisher }, { leaseMs: 60_000, tries: 3 })
    expect((await half.ack('torn', leases)).map(({ item }) => item)).toEqual(['a', 'c'])
    expect(await backend.items('torn', 10)).toEqual(['b'])
    // Asked again, the server says of one that is gone already that it is.
    expect(await backend.ack('torn', leases)).toHaveLength(3)
    publisher.stop()
    await own.close()
    await expect(half.ack('torn', leases)).rejects.toMatchObject({ code: 'unreachable' })
    await backend.close()
  })

  it('refuses what has no room, and keeps what it has', async () => {
    const jsm = await jetstreamManager(nc)
    const stream = streamNames(NS).queues
    const { config, state } = await jsm.streams.info(stream)
    await jsm.streams.update(stream, { ...config, max_bytes: state.bytes + 2000 })
    const backend = await open({ leaseMs: 60_000, tries: 3 })
    await backend.insert('full', [entryOf('a')])
    await expect(backend.insert('full', [entryOf('x'.repeat(5000))])).rejects.toMatchObject({ code: 'store_refused' })
    expect(await backend.items('full', 10)).toEqual(['a'])
    await jsm.streams.update(stream, config)
    await backend.close()
  })
})
