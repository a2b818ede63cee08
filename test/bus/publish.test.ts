import { setImmediate } from 'node:timers/promises'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { isTaken } from '../../src/bus/pub-ack.ts'
import { createPublisher, type Publisher } from '../../src/bus/publish.ts'
import { type RestartableServer, startRestartableServer } from '../helpers/restartable.ts'
import { within } from '../helpers/wait.ts'

let server: RestartableServer
let nc: NatsConnection
let publisher: Publisher

beforeEach(async () => {
  server = await startRestartableServer()
  nc = await connect({ servers: server.url, maxReconnectAttempts: -1, reconnectTimeWait: 50, reconnectJitter: 0 })
  publisher = createPublisher(nc)
})

afterEach(async () => {
  publisher.stop()
  await nc.close()
  await server.remove()
})

const id = (text: string) => ({ 'Nats-Msg-Id': text })
const addStream = async (config: object = {}) =>
  (await jetstreamManager(nc)).streams.add({ name: 'S', subjects: ['s.>'], storage: 'file', ...config } as never)
const state = async () => (await (await jetstreamManager(nc)).streams.info('S', { subjects_filter: '>' })).state
/** The bodies of the stream, in order. */
const bodies = async () => {
  const jsm = await jetstreamManager(nc)
  const { first_seq, last_seq } = (await jsm.streams.info('S')).state
  const found: string[] = []
  for (let seq = first_seq; seq <= last_seq; seq++) found.push((await jsm.streams.getMessage('S', { seq }))!.string())
  return found
}
const status = (type: string) =>
  within(
    (async () => {
      for await (const one of nc.status()) if (one.type === type) return
    })(),
    type,
  )

describe('a publish', () => {
  it('resolves with its sequence once it is stored', async () => {
    await addStream()
    expect(await publisher.publish('s.a', 'one')).toEqual({ seq: 1, duplicate: false })
    expect(await publisher.publish('s.b', new TextEncoder().encode('two'))).toEqual({ seq: 2, duplicate: false })
    expect(await bodies()).toEqual(['one', 'two'])
    expect(publisher.pending()).toBe(0)
  })

  it('tells that the stream had it already', async () => {
    await addStream()
    await publisher.publish('s.a', 'one', { headers: id('x') })
    expect(await publisher.publish('s.a', 'one', { headers: id('x') })).toEqual({ seq: 1, duplicate: true })
    expect((await state()).messages).toBe(1)
  })

  it('is refused by a stream that is full', async () => {
    await addStream({ max_msgs: 1, discard: 'new' })
    await publisher.publish('s.a', 'one')
    await expect(publisher.publish('s.a', 'two')).rejects.toMatchObject({
      code: 'store_refused',
      message: expect.stringContaining('maximum messages exceeded'),
    })
    expect(await bodies()).toEqual(['one'])
    expect(isTaken(await publisher.publish('s.a', 'three').catch(error => error))).toBe(false)
  })

  it('is refused on a subject that takes one message, with the code that says so', async () => {
    await addStream({ max_msgs_per_subject: 1, discard: 'new', discard_new_per_subject: true })
    await publisher.publish('s.a', 'one')
    const refused = await publisher.publish('s.a', 'two').catch(error => error)
    expect(refused).toMatchObject({ code: 'store_refused' })
    expect(isTaken(refused)).toBe(true)
    await publisher.publish('s.b', 'three', { headers: id('x') })
    expect(await bodies()).toEqual(['one', 'three'])
    // So a repeat after a lost ack is no refusal.
    expect(await publisher.publish('s.b', 'three', { headers: id('x') })).toEqual({ seq: 2, duplicate: true })
  })

  it('is unreachable after its deadline where no stream takes it', async () => {
    await expect(publisher.publish('nowhere', 'x', { deadlineMs: 300 })).rejects.toMatchObject({
      code: 'unreachable',
      message: "'nowhere' was not stored in time: no stream takes the subject",
    })
    expect(publisher.pending()).toBe(0)
  })

  it('is stored when the stream comes before its deadline', async () => {
    const stored = publisher.publish('s.a', 'early', { headers: id('x'), deadlineMs: 10_000 })
    await addStream()
    expect(await stored).toMatchObject({ seq: 1 })
  })

  it('is sent again while a cluster has an earlier send in process', async () => {
    const answers = [
      { error: { code: 409, err_code: 10158, description: 'duplicate message id is in process' } },
      { stream: 'S', seq: 7, duplicate: true },
    ]
    const sends: string[] = []
    nc.subscribe('s.a', {
      callback: (_, msg) => {
        sends.push(msg.string())
        msg.respond(JSON.stringify(answers[Math.min(sends.length, 2) - 1]))
      },
    })
    expect(await within(publisher.publish('s.a', 'one', { id: 'x' }), 'the ack')).toEqual({ seq: 7, duplicate: true })
    expect(sends).toEqual(['one', 'one'])
  })

  it('is unreachable, not refused, where a cluster does not end what it has in process', async () => {
    nc.subscribe('s.a', {
      callback: (_, msg) => {
        msg.respond(
          JSON.stringify({ error: { code: 409, err_code: 10158, description: 'duplicate message id is in process' } }),
        )
      },
    })
    await expect(publisher.publish('s.a', 'one', { id: 'x', deadlineMs: 300 })).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringContaining('is a majority of them up?'),
    })
  })

  it('is refused when it is larger than a message may be, its headers counted', async () => {
    await addStream()
    const limit = nc.info!.max_payload
    await expect(publisher.publish('s.a', 'x'.repeat(limit + 1))).rejects.toMatchObject({
      code: 'bad_event',
      message: `'s.a': ${limit + 1} bytes are more than a message may have (${limit})`,
    })
    await expect(publisher.publish('s.a', 'x'.repeat(limit), { headers: id('x') })).rejects.toMatchObject({
      code: 'bad_event',
    })
    expect(await publisher.publish('s.a', 'x'.repeat(limit))).toMatchObject({ seq: 1 })
  })

  it('is unreachable, not forgotten, once the publisher has stopped', async () => {
    const waiting = publisher.publish('nowhere', 'x')
    publisher.stop()
    await expect(waiting).rejects.toMatchObject({ code: 'unreachable', message: 'the publisher has stopped' })
    await expect(publisher.publish('s.a', 'x')).rejects.toMatchObject({ message: 'the publisher has stopped' })
  })
})

describe('publishes through a restart of the server', () => {
  it.each(['SIGTERM', 'SIGKILL'] as const)('are each stored once (%s)', async how => {
    await addStream()
    const acks: Promise<unknown>[] = []
    let back = false
    const up = status('reconnect').then(() => {
      back = true
    })
    const load = (async () => {
      while (!back) {
        const n = acks.length
        if (n < 5000) acks.push(publisher.publish(`s.${n}`, String(n), { headers: id(`m${n}`) }))
        await setImmediate()
      }
    })()
    const down = status('disconnect')
    await acks[0]
    await server.end(how)
    await down
    expect(publisher.pending()).toBeGreaterThan(0)
    await server.start()
    await up
    await load
    await within(Promise.all(acks), 'every ack')
    const { messages, num_subjects } = await state()
    expect({ messages, num_subjects }).toEqual({ messages: acks.length, num_subjects: acks.length })
  })

  it('go out in the order of the calls: before it, while it is away, and after it', async () => {
    await addStream()
    const acks: Promise<unknown>[] = []
    const send = (count: number) => {
      for (let i = 0; i < count; i++) {
        const n = acks.length
        acks.push(publisher.publish('s.a', String(n), { headers: id(`m${n}`) }))
      }
    }
    const down = status('disconnect')
    const up = status('reconnect')
    const ended = server.end('SIGKILL')
    send(50)
    await ended
    await down
    let back = false
    void up.then(() => {
      back = true
    })
    // All the while, so that some fall into the moment in which the client connects.
    const load = (async () => {
      for (let turn = 0; !back; turn++) {
        if (turn % 20 === 0) send(1)
        await setImmediate()
      }
    })()
    await server.start()
    await load
    send(50)
    await within(Promise.all(acks), 'every ack')
    expect(await bodies()).toEqual(acks.map((_, n) => String(n)))
  })

  it('refuse, once it is back, what is too large, and go on', async () => {
    await addStream()
    const down = status('disconnect')
    await server.end()
    await down
    const large = publisher.publish('s.a', 'x'.repeat(2 * 1024 * 1024))
    const small = publisher.publish('s.a', 'small')
    const refused = expect(large).rejects.toMatchObject({ code: 'bad_event' })
    await server.start()
    await within(refused, 'the refusal')
    expect(await within(small, 'the ack')).toMatchObject({ seq: 1 })
  })

  it('are given up at their deadline while it is away', async () => {
    await addStream()
    const down = status('disconnect')
    await server.end()
    await down
    await expect(publisher.publish('s.a', 'x', { deadlineMs: 200 })).rejects.toMatchObject({ code: 'unreachable' })
    await server.start()
  })
})

it('a publish that is given up says what was wrong with it, and not with another before', async () => {
  await expect(publisher.publish('no.stream', 'x', { deadlineMs: 300 })).rejects.toThrow('no stream takes the subject')
  // A subscriber that is no stream and says nothing.
  nc.subscribe('silent', { callback: () => undefined })
  await expect(publisher.publish('silent', 'x', { deadlineMs: 300 })).rejects.toThrow('the NATS server gives no ack')
})
