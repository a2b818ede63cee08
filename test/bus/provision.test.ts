import { jetstreamManager } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { differs, provisionConsumer, provisionStreams } from '../../src/bus/provision.ts'
import { DEFAULT_LIMITS, laneConsumer, reactorConsumer, wantedStreams } from '../../src/protocol/streams.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'

let server: TestServer
let nc: NatsConnection

beforeAll(async () => {
  server = await startTestServer()
  nc = await connect({ servers: server.url })
})

afterAll(async () => {
  await nc?.close()
  await server?.stop()
})

const all = (ns: string, what: string) =>
  Object.fromEntries(wantedStreams(ns, DEFAULT_LIMITS).map(({ name }) => [name, what]))

describe('provisioning streams', () => {
  it('creates them, and then finds them unchanged', async () => {
    expect(await provisionStreams(nc, 'one', DEFAULT_LIMITS)).toEqual(all('one', 'created'))
    expect(await provisionStreams(nc, 'one', DEFAULT_LIMITS)).toEqual(all('one', 'unchanged'))
  })

  it('gives the server every setting that it names', async () => {
    await provisionStreams(nc, 'named', DEFAULT_LIMITS)
    const jsm = await jetstreamManager(nc)
    for (const wanted of wantedStreams('named', DEFAULT_LIMITS)) {
      expect(differs(wanted, (await jsm.streams.info(wanted.name)).config)).toBe(false)
    }
  })

  it('changes what this version wants otherwise, keeps what is stored, and leaves the rest', async () => {
    await provisionStreams(nc, 'two', DEFAULT_LIMITS)
    await nc.request('two.event.m1.a', '{}')
    const smaller = { ...DEFAULT_LIMITS, eventsMaxBytes: 5_000_000 }
    // The ledger's bound follows that of the events.
    const changed = { two_EVENTS: 'updated', two_DONE: 'updated' }
    expect(await provisionStreams(nc, 'two', smaller)).toEqual({ ...all('two', 'unchanged'), ...changed })
    const { config, state } = await (await jetstreamManager(nc)).streams.info('two_EVENTS')
    expect(config.max_bytes).toBe(5_000_000)
    expect(state.messages).toBe(1)
    expect(await provisionStreams(nc, 'two', smaller)).toEqual(all('two', 'unchanged'))
  })

  it('makes what is missing and leaves what is otherwise, where it is not to migrate', async () => {
    await provisionStreams(nc, 'left', DEFAULT_LIMITS)
    const jsm = await jetstreamManager(nc)
    await jsm.streams.delete('left_DONE')
    const other = { ...DEFAULT_LIMITS, eventsMaxBytes: 5_000_000 }
    expect(await provisionStreams(nc, 'left', other, { migrate: false })).toEqual({
      ...all('left', 'unchanged'),
      left_DONE: 'created',
      left_EVENTS: 'outdated',
    })
    expect((await jsm.streams.info('left_EVENTS')).config.max_bytes).toBe(DEFAULT_LIMITS.eventsMaxBytes)
  })

  it('names the stream and the reason when the server will not change a setting', async () => {
    const jsm = await jetstreamManager(nc)
    await jsm.streams.add({ name: 'mem_EVENTS', subjects: ['mem.event.>'], storage: 'memory' } as never)
    await expect(provisionStreams(nc, 'mem', DEFAULT_LIMITS)).rejects.toMatchObject({
      code: 'bad_config',
      message: expect.stringMatching(/stream mem_EVENTS cannot be set up: .*storage/),
    })
  })

  it('names the stream when another one holds its subjects', async () => {
    const jsm = await jetstreamManager(nc)
    await jsm.streams.add({ name: 'stranger', subjects: ['held.done.>'], storage: 'file' } as never)
    await expect(provisionStreams(nc, 'held', DEFAULT_LIMITS)).rejects.toMatchObject({
      code: 'bad_config',
      message: expect.stringContaining('stream held_DONE cannot be set up'),
    })
  })

  it('runs from several processes at once', async () => {
    const others = await Promise.all([1, 2, 3].map(() => connect({ servers: server.url })))
    const results = await Promise.all(others.map(other => provisionStreams(other, 'three', DEFAULT_LIMITS)))
    for (const result of results) expect(Object.keys(result).sort()).toEqual(Object.keys(all('three', '')).sort())
    expect(await provisionStreams(nc, 'three', DEFAULT_LIMITS)).toEqual(all('three', 'unchanged'))
    await Promise.all(others.map(other => other.close()))
  })

  it('takes a job id once, and refuses an event when the store is full', async () => {
    await provisionStreams(nc, 'four', { ...DEFAULT_LIMITS, eventsMaxBytes: 2000 })
    const ask = async (subject: string, body: string) =>
      (await nc.request(subject, body)).json<{ error?: { err_code: number } }>()
    expect((await ask('four.jobs.20261120091820838387', 'a')).error).toBeUndefined()
    expect((await ask('four.jobs.20261120091820838387', 'b')).error?.err_code).toBe(10077)
    expect((await ask('four.event.m1.a', 'x'.repeat(1000))).error).toBeUndefined()
    expect((await ask('four.event.m1.a', 'x'.repeat(1000))).error?.err_code).toBe(10077)
  })
})

describe('provisioning consumers', () => {
  it('creates, finds unchanged, and changes', async () => {
    await provisionStreams(nc, 'five', DEFAULT_LIMITS)
    const wanted = reactorConsumer('five')
    expect(await provisionConsumer(nc, 'five_EVENTS', wanted)).toBe('created')
    expect(await provisionConsumer(nc, 'five_EVENTS', wanted)).toBe('unchanged')
    expect(await provisionConsumer(nc, 'five_EVENTS', { ...wanted, max_ack_pending: 7 })).toBe('updated')
    const info = await (await jetstreamManager(nc)).consumers.info('five_EVENTS', wanted.durable_name)
    expect(info.config.max_ack_pending).toBe(7)
  })

  it('leaves one alone whose metadata says that it is for another', async () => {
    await provisionStreams(nc, 'seven', DEFAULT_LIMITS)
    const wanted = (returner: string) => ({ ...reactorConsumer('seven'), metadata: { returner } })
    expect(await provisionConsumer(nc, 'seven_EVENTS', reactorConsumer('seven'))).toBe('created')
    expect(await provisionConsumer(nc, 'seven_EVENTS', wanted('mysql'))).toBe('updated')
    await expect(provisionConsumer(nc, 'seven_EVENTS', wanted('redis'))).rejects.toMatchObject({
      code: 'bad_config',
      message: expect.stringContaining("is another's: its metadata has returner 'mysql'"),
    })
    expect(await provisionConsumer(nc, 'seven_EVENTS', wanted('mysql'))).toBe('unchanged')
  })

  it('makes one for each lane class, and refuses one that overlaps', async () => {
    await provisionStreams(nc, 'six', DEFAULT_LIMITS)
    for (const lane of ['fast', 'slow'] as const) {
      expect(await provisionConsumer(nc, 'six_REACTIONS', laneConsumer('six', lane))).toBe('created')
    }
    const greedy = { ...laneConsumer('six', 'fast'), durable_name: 'greedy', filter_subject: 'six.reaction.>' }
    await expect(provisionConsumer(nc, 'six_REACTIONS', greedy)).rejects.toMatchObject({
      code: 'bad_config',
      message: expect.stringContaining('consumer greedy on six_REACTIONS cannot be set up'),
    })
  })

  it('refuses a stream that is not there, by name', async () => {
    await expect(provisionConsumer(nc, 'none_EVENTS', reactorConsumer('none'))).rejects.toMatchObject({
      code: 'bad_config',
      message: expect.stringContaining('none_EVENTS'),
    })
  })
})

describe('a difference of settings', () => {
  it.each([
    [false, { a: 0, b: false, c: null }, {}],
    [false, { a: 1 }, { a: 1, more: 2 }],
    [false, { a: { x: 1 } }, { a: { x: 1, y: 2 } }],
    [true, { a: 1 }, {}],
    [true, { a: 0 }, { a: 1 }],
    [true, { a: { x: 1 } }, { a: { x: 2 } }],
    [true, { a: { x: 1 } }, {}],
    [true, { a: ['x'] }, { a: ['x', 'y'] }],
    [true, { a: false }, { a: true }],
  ])('is %s between %j and %j', (is, wanted, found) => {
    expect(differs(wanted, found)).toBe(is)
  })
})
