import { jetstreamManager } from '@nats-io/jetstream'
import { connect, headers, type NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createFire } from '../../src/bus/fire.ts'
import { provisionStreams } from '../../src/bus/provision.ts'
import { createPublisher, type Publisher } from '../../src/bus/publish.ts'
import { deliveryFromStream, rawFromLive } from '../../src/bus/raw.ts'
import { type Event, readEvent } from '../../src/protocol/event.ts'
import { minionOrigin, userOrigin } from '../../src/protocol/origin.ts'
import { DEFAULT_LIMITS } from '../../src/protocol/streams.ts'
import { createSubjects } from '../../src/protocol/subject.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { createSeen, within } from '../helpers/wait.ts'

const subjects = createSubjects('fire')
let server: TestServer
let nc: NatsConnection
let publisher: Publisher

beforeAll(async () => {
  server = await startTestServer()
  nc = await connect({ servers: server.url })
  await provisionStreams(nc, 'fire', DEFAULT_LIMITS)
  publisher = createPublisher(nc)
})

afterAll(async () => {
  publisher?.stop()
  await nc?.close()
  await server?.stop()
})

/** Every event of the stream, as a consumer reads it. */
async function stored(count: number): Promise<Event[]> {
  const js = (await jetstreamManager(nc)).jetstream()
  const consumer = await js.consumers.get('fire_EVENTS')
  const seen = createSeen<Event>()
  const messages = await consumer.consume({
    callback: message => {
      const read = readEvent(subjects.eventPrefix, deliveryFromStream(message))
      if (read.ok) seen.push(read.event)
    },
  })
  const events = await seen.reach(count)
  messages.stop()
  return events
}

describe('firing an event', () => {
  it('stores what a consumer, and whoever follows live, then reads', async () => {
    const live = createSeen<Event>()
    nc.subscribe(`${subjects.livePrefix}>`, {
      callback: (_, message) => {
        const read = readEvent(subjects.livePrefix, rawFromLive(message))
        if (read.ok) live.push(read.event)
      },
    })
    await nc.flush()
    const fire = createFire(publisher, subjects, userOrigin('root'))
    const fired = await fire('deploy/a.b/', { version: '1.2' }, { cause: 'before', hops: 2 })
    const [event] = await stored(1)
    expect(event).toMatchObject({
      id: fired.id,
      tag: 'deploy/a.b/',
      data: { version: '1.2' },
      origin: { kind: 'user', id: 'root' },
      cause: 'before',
      hops: 2,
    })
    expect((await live.reach(1))[0]).toEqual(event)
  })

  it('stores an event once, however often it is fired under one id', async () => {
    const fire = createFire(publisher, subjects, minionOrigin('m1'))
    const first = await fire('again', {}, { id: 'same', stamp: '2026-11-20T09:18:20.838387' })
    expect(await fire('again', {}, { id: 'same' })).toMatchObject(first)
    const events = await stored(2)
    expect(events.filter(event => event.tag === 'again')).toMatchObject([{ stamp: '2026-11-20T09:18:20.838387' }])
  })

  it.each([
    ['a tag that is too long', 'x'.repeat(4000), {}, 'at most 3000'],
    ['data that is no map', 'a', [], 'must be a map'],
    ['data that is too large', 'a', { x: 'x'.repeat(1024 * 1024) }, 'more than a message may have'],
    ['a tag with a lone surrogate', 'a/\ud800', {}, 'lone surrogate'],
  ])('refuses %s, and stays connected', async (_what, tag, data, message) => {
    const fire = createFire(publisher, subjects, minionOrigin('m1'))
    await expect(fire(tag, data as Record<string, unknown>)).rejects.toMatchObject({
      code: 'bad_event',
      message: expect.stringContaining(message),
    })
    await expect(within(fire('after', {}), 'the next event')).resolves.toMatchObject({ seq: expect.any(Number) })
  })

  it('takes a tag of the longest length that is allowed', async () => {
    const fire = createFire(publisher, subjects, minionOrigin('m1'))
    const room = 3000 - 'fire.event.m1.'.length
    await within(fire('y'.repeat(room), {}), 'the ack')
    await expect(fire('y'.repeat(room + 1), {})).rejects.toMatchObject({ code: 'bad_event' })
  })

  it('reads an event of a client that sends nothing but a body', async () => {
    const extra = headers()
    extra.set('Reactor-Hops', 'many')
    await nc.request('fire.event._user-bob.plain', '{"data":{"n":1}}', { headers: extra, timeout: 30_000 })
    const { messages } = (await (await jetstreamManager(nc)).streams.info('fire_EVENTS')).state
    const event = (await stored(messages)).find(one => one.tag === 'plain')
    expect(event).toMatchObject({ id: expect.stringMatching(/^seq-\d+-\d+$/), data: { n: 1 }, hops: 0 })
  })
})
