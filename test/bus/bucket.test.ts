import { jetstreamManager } from '@nats-io/jetstream'
import type { KV } from '@nats-io/kv'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { mirrorBucket, openBucket } from '../../src/bus/bucket.ts'
import { keptLog } from '../helpers/core.ts'
import { type RestartableServer, startRestartableServer } from '../helpers/restartable.ts'
import { createSeen, within } from '../helpers/wait.ts'

let server: RestartableServer
let nc: NatsConnection
let writer: NatsConnection
let bucket: KV

const patient = { maxReconnectAttempts: -1, reconnectTimeWait: 50, reconnectJitter: 0 }

beforeEach(async () => {
  server = await startRestartableServer()
  nc = await connect({ servers: server.url, ...patient })
  writer = await connect({ servers: server.url, ...patient })
  bucket = await openBucket(writer, 'reactor_test', { replicas: 1 })
})

afterEach(async () => {
  await nc.close()
  await writer.close()
  await server.remove()
})

function readNumber(value: unknown): number {
  if (typeof value !== 'number') throw new Error('expected a number')
  return value
}

const mirror = async (change: (opened: KV) => Partial<KV> = () => ({})) => {
  const { log, lines } = keptLog()
  const changes = createSeen<[string, number | undefined, number]>()
  const opened = await openBucket(nc, 'reactor_test', { replicas: 1 })
  const running = await mirrorBucket(nc, Object.assign(Object.create(opened), change(opened)) as KV, {
    read: readNumber,
    onChange: (key, value, revision) => changes.push([key, value, revision]),
    log,
  })
  const told = (key: string, value: number | undefined) =>
    changes.find(([k, v]) => k === key && v === value, `${key} = ${value}`)
  return { values: running.values, changes, told, running, lines }
}

describe('a mirror of a bucket', () => {
  it('holds what the bucket held before it was opened', async () => {
    for (let i = 0; i < 50; i++) await bucket.put(`k${i}`, String(i))
    await bucket.put('gone', '1')
    await bucket.delete('gone')
    const { values, changes, running } = await mirror()
    expect(values.size).toBe(50)
    expect(values.get('k49')).toBe(49)
    expect(changes.items).toEqual([])
    await running.stop()
  })

  it('opens on an empty bucket, and on one from which all was deleted', async () => {
    expect((await mirror()).values.size).toBe(0)
    await bucket.put('a', '1')
    await bucket.delete('a')
    expect((await mirror()).values.size).toBe(0)
    await bucket.purge('a')
    expect((await mirror()).values.size).toBe(0)
  })

  it('follows changes and deletions', async () => {
    await bucket.put('a', '1')
    const { values, told, running } = await mirror()
    await bucket.put('a', '2')
    await told('a', 2)
    await bucket.put('b', '3')
    await told('b', 3)
    await bucket.delete('a')
    await told('a', undefined)
    await bucket.purge('b')
    await told('b', undefined)
    expect(values.size).toBe(0)
    await running.stop()
  })

  it('leaves out a value that is malformed, and keeps the good one that stood there', async () => {
    await bucket.put('bad', 'not json')
    await bucket.put('text', '"x"')
    await bucket.put('good', '1')
    await bucket.put('last', '{')
    const { values, told, running } = await mirror()
    expect([...values]).toEqual([['good', 1]])
    await bucket.put('good', '"x"')
    await bucket.put('bad', '5')
    await told('bad', 5)
    expect([...values].sort()).toEqual([
      ['bad', 5],
      ['good', 1],
    ])
    await running.stop()
  })

  it('reads the bucket anew after a reconnect, and goes on following', async () => {
    for (const key of ['same', 'changed', 'deleted']) await bucket.put(key, '1')
    const { values, told, running } = await mirror()
    const away = status(nc, 'disconnect')
    const back = status(nc, 'reconnect')
    const writerBack = status(writer, 'reconnect')
    await server.end()
    await away
    await server.start()
    await writerBack
    await onceItAnswers(() => bucket.put('changed', '2'))
    await bucket.delete('deleted')
    await bucket.put('new', '3')
    await back
    await told('changed', 2)
    await told('deleted', undefined)
    await told('new', 3)
    expect([...values].sort()).toEqual([
      ['changed', 2],
      ['new', 3],
      ['same', 1],
    ])
    await bucket.put('later', '4')
    await told('later', 4)
    await running.stop()
  })

  it('forgets after a reconnect what is not in the bucket any more', async () => {
    await bucket.put('kept', '1')
    await bucket.put('lost', '1')
    const { values, told, running } = await mirror()
    const back = status(nc, 'reconnect')
    // The link of the mirror alone is cut; what goes meanwhile leaves no trace that a watch could be told of.
    const cut = nc.reconnect()
    const jsm = await jetstreamManager(writer)
    await jsm.streams.purge('KV_reactor_test', { filter: '$KV.reactor_test.lost' })
    await cut
    await back
    // As of the whole bucket: whoever knows of something later need not believe it.
    const [, , revision] = await told('lost', undefined)
    expect(revision).toBe(2)
    expect([...values.keys()]).toEqual(['kept'])
    await running.stop()
  })

  it.each(['watch', 'status'] as const)(
    'goes on after a reconnect at which its %s failed, and says so once',
    async what => {
      await bucket.put('a', '1')
      let failures = 0
      let failing = false
      const { told, lines, running } = await mirror(opened => ({
        [what]: async () => {
          if (failing && ++failures <= 3) throw new Error('timeout')
          return opened[what]()
        },
      }))
      failing = true
      const back = status(nc, 'reconnect')
      const cut = nc.reconnect()
      await bucket.put('a', '2')
      await Promise.all([cut, back])
      await told('a', 2)
      await until(() => failures > 3, 'the try that works')
      await bucket.put('b', '3')
      await told('b', 3)
      expect(lines.items.map(({ error }) => error)).toEqual(['timeout'])
      await running.stop()
    },
  )

  it('watches again where its watch ends', async () => {
    await bucket.put('a', '1')
    const watches = createSeen<Awaited<ReturnType<KV['watch']>>>()
    const { told, values, running } = await mirror(opened => ({
      watch: async () => {
        const watch = await opened.watch()
        watches.push(watch)
        return watch
      },
    }))
    watches.items[0]!.stop()
    await bucket.put('a', '2')
    await told('a', 2)
    await running.stop()
    expect(watches.items).toHaveLength(2)
    expect([...values]).toEqual([['a', 2]])
  })

  it('forgets all where the bucket was emptied without it', async () => {
    await bucket.put('a', '1')
    const { told, values, running } = await mirror()
    const back = status(nc, 'reconnect')
    const cut = nc.reconnect()
    const jsm = await jetstreamManager(writer)
    await jsm.streams.purge('KV_reactor_test')
    await Promise.all([cut, back])
    await told('a', undefined)
    expect(values.size).toBe(0)
    await running.stop()
  })

  it('tells nothing more once it has stopped', async () => {
    const first = await mirror()
    await first.running.stop()
    const second = await mirror()
    await bucket.put('a', '1')
    await second.told('a', 1)
    expect(first.changes.items).toEqual([])
    await second.running.stop()
  })
})

it('a bucket that cannot be made is named', async () => {
  await expect(openBucket(nc, 'reactor_more', { replicas: 3 })).rejects.toMatchObject({
    code: 'bad_config',
    message: expect.stringContaining('bucket reactor_more cannot be set up'),
  })
})

function status(of: NatsConnection, type: string): Promise<void> {
  return within(
    (async () => {
      for await (const one of of.status()) if (one.type === type) return
    })(),
    type,
  )
}

/** Resolves on the turn on which it is so. */
const until = (isSo: () => boolean, what: string) =>
  within(
    (async () => {
      while (!isSo()) await new Promise(resolve => setImmediate(resolve))
    })(),
    what,
  )

/** A server that is back may not have its streams at once. */
const onceItAnswers = <T>(work: () => Promise<T>): Promise<T> =>
  within(
    (async () => {
      for (;;) {
        try {
          return await work()
        } catch {
          await new Promise(resolve => setImmediate(resolve))
        }
      }
    })(),
    'the server answers again',
  )
