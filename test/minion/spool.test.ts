import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import type { DurableMap } from '../../src/base/durable-map.ts'
import { ReactorError } from '../../src/base/errors.ts'
import { silentLog } from '../../src/base/log.ts'
import { createFire, type Fire } from '../../src/bus/fire.ts'
import { provisionStreams } from '../../src/bus/provision.ts'
import { createPublisher, type Publisher } from '../../src/bus/publish.ts'
import { openSpoolFile, type Spooled, startSpool } from '../../src/minion/spool.ts'
import { minionOrigin } from '../../src/protocol/origin.ts'
import { DEFAULT_LIMITS } from '../../src/protocol/streams.ts'
import { createSubjects } from '../../src/protocol/subject.ts'
import { keptLog } from '../helpers/core.ts'
import { testFolder } from '../helpers/folder.ts'
import { type RestartableServer, startRestartableServer } from '../helpers/restartable.ts'
import { createGate, createSeen, within } from '../helpers/wait.ts'

/** What is on disk, by the tags of the events. */
const onDisk = (file: DurableMap<Spooled>) => [...file.values.values()].map(({ tag }) => tag)

/** A spool on a file of that folder, and the file as it is; `close` ends both. */
async function open(dir: string, fire: Fire, connected = () => true, log = silentLog) {
  const file = await openSpoolFile(join(dir, 'spool'), log)
  onTestFinished(() => file.close())
  return { ...startSpool({ file, fire, connected, now: Date.now, log }), file }
}
const empty = (file: DurableMap<Spooled>) => expect.poll(() => onDisk(file)).toEqual([])

describe('a spool on a server', () => {
  let server: RestartableServer
  let nc: NatsConnection
  let publisher: Publisher
  let linked: boolean

  const link = async () => {
    nc = await connect({ servers: server.url, maxReconnectAttempts: -1, reconnectTimeWait: 50, reconnectJitter: 0 })
    publisher = createPublisher(nc)
    linked = true
    const followed = nc
    void (async () => {
      for await (const { type } of followed.status()) {
        if (type === 'disconnect') linked = false
        if (type === 'reconnect') linked = true
      }
    })()
  }
  const spool = (dir: string) =>
    open(dir, createFire(publisher, createSubjects('reactor'), minionOrigin('m1')), () => linked)
  const status = (type: string) =>
    within(
      (async () => {
        for await (const one of nc.status()) if (one.type === type) return
      })(),
      type,
    )
  const storedNumbers = async () => {
    const jsm = await jetstreamManager(nc)
    const { last_seq } = (await jsm.streams.info('reactor_EVENTS')).state
    const numbers: number[] = []
    for (let seq = 1; seq <= last_seq; seq++) {
      const message = await jsm.streams.getMessage('reactor_EVENTS', { seq })
      numbers.push(message!.json<{ data: { n: number } }>().data.n)
    }
    return numbers
  }

  beforeEach(async () => {
    server = await startRestartableServer()
    await link()
    await provisionStreams(nc, 'reactor', DEFAULT_LIMITS)
  })

  afterEach(async () => {
    publisher.stop()
    await nc.close()
    await server.remove()
  })

  it('holds an event no longer once the server has stored it', async () => {
    const { fire, file, settle } = await spool(await testFolder())
    await Promise.all([1, 2, 3].map(n => fire('a', { n })))
    expect(await storedNumbers()).toEqual([1, 2, 3])
    await settle(5000)
    expect(onDisk(file)).toEqual([])
  })

  it('keeps the order and every event over a restart of the server', async () => {
    const { fire, settle, file } = await spool(await testFolder())
    const fired: Promise<void>[] = []
    const send = (count: number) => {
      for (let i = 0; i < count; i++) fired.push(fire('a', { n: fired.length }))
    }
    const down = status('disconnect')
    const up = status('reconnect')
    send(30)
    const ended = server.end('SIGKILL')
    send(30)
    await ended
    await down
    send(30)
    await server.start()
    send(30)
    await up
    send(30)
    await within(Promise.all(fired), 'every event')
    await settle(10_000)
    expect(await storedNumbers()).toEqual(fired.map((_, n) => n))
    expect(onDisk(file)).toEqual([])
  })

  it('keeps what waits over a restart of its process, and delivers it first and once', async () => {
    const dir = await testFolder()
    const first = await spool(dir)
    await first.fire('a', { n: 0 })
    const down = status('disconnect')
    await server.end()
    await down
    for (const n of [1, 2, 3]) await first.fire('a', { n })
    publisher.stop()
    await first.settle(5000)
    await nc.close()
    expect(onDisk(first.file)).toEqual(['a', 'a', 'a'])
    await first.file.close()

    await server.start()
    await link()
    const second = await spool(dir)
    await second.fire('a', { n: 4 })
    await second.settle(5000)
    expect(await storedNumbers()).toEqual([0, 1, 2, 3, 4])
    expect(onDisk(second.file)).toEqual([])
  })

  it('gives a refusal of the store to the caller, and keeps what must arrive until there is room', async () => {
    const jsm = await jetstreamManager(nc)
    await jsm.streams.update('reactor_EVENTS', { max_msgs: 1 } as never)
    const { fire, file } = await spool(await testFolder())
    await fire('a', { n: 0 })
    await expect(fire('a', { n: 1 })).rejects.toMatchObject({ code: 'store_refused' })
    await empty(file)
    const kept = fire('a', { n: 2 }, { keep: true })
    await expect(fire('a', { n: 3 })).rejects.toMatchObject({ code: 'store_refused' })
    await expect.poll(() => onDisk(file)).toHaveLength(1)
    await jsm.streams.update('reactor_EVENTS', { max_msgs: -1 } as never)
    await within(kept, 'the event that must arrive')
    expect(await storedNumbers()).toEqual([0, 2])
    await empty(file)
  })

  it.each([true, false])('gives an event that no message can hold back to the caller (keep: %s)', async keep => {
    const { fire, file } = await spool(await testFolder())
    await expect(fire('a', { x: 'x'.repeat(2_000_000) }, { keep })).rejects.toMatchObject({ code: 'bad_event' })
    await empty(file)
  })
})

describe('a spool by itself', () => {
  const accepting = () => {
    const seen = createSeen<{ tag: string; id: string | undefined }>()
    const fire: Fire = async (tag, _data, options) => {
      seen.push({ tag, id: options?.id })
      return { id: options?.id ?? '', seq: seen.items.length }
    }
    return { seen, fire }
  }

  it('sets malformed events aside and delivers the others in order', async () => {
    const dir = await testFolder()
    const event = (tag: string) => ({ tag, data: {}, stamp: '2026-11-20T09:18:20.838387', hops: 0 })
    const values = [event('first'), null, event('second'), { tag: 5 }, { ...event('x'), data: [] }, event('third')]
    await writeFile(
      join(dir, 'spool'),
      `${values.map((v, n) => JSON.stringify({ k: `id${n}`, v })).join('\n')}\n{"k":"id9","v":{"tag":"cut sh`,
    )
    const { seen, fire } = accepting()
    const { log, lines } = keptLog()
    const spool = await open(dir, fire, () => true, log)
    await spool.fire('after', {})
    await spool.settle(5000)
    expect(seen.items.map(({ tag }) => tag)).toEqual(['first', 'second', 'third', 'after'])
    expect(seen.items[1]!.id).toBe('id2')
    expect(lines.items).toMatchObject([{ lines: 4, msg: expect.stringContaining('set aside') }])
  })

  it('tells the causes of what was on disk, and of what an older version wrote without a chain', async () => {
    const dir = await testFolder()
    const old = { tag: 'old', data: {}, stamp: '2026-11-20T09:18:20.838387', cause: '1', hops: 2 }
    const values = [old, { ...old, tag: 'new', chain: 'a,b' }, { ...old, tag: 'wrong', chain: 5 }]
    await writeFile(join(dir, 'spool'), values.map((v, n) => `${JSON.stringify({ k: `id${n}`, v })}\n`).join(''))
    const told = createSeen<unknown[]>()
    const fire: Fire = async (tag, _data, { cause, hops, chain } = {}) => {
      told.push([tag, cause, hops, chain])
      return { id: '', seq: 1 }
    }
    const spool = await open(dir, fire)
    await spool.fire('fresh', {}, { cause: '2', hops: 3, chain: 'c' })
    expect(told.items).toEqual([
      ['old', '1', 2, undefined],
      ['new', '1', 2, 'a,b'],
      ['fresh', '2', 3, 'c'],
    ])
  })

  it('fires under one id and stamp however often it tries', async () => {
    const dir = await testFolder()
    const tries = createSeen<unknown>()
    const fire: Fire = async (_tag, _data, options) => {
      tries.push([options?.id, options?.stamp])
      if (tries.items.length === 1) throw new ReactorError('store_refused', 'full')
      return { id: '', seq: 1 }
    }
    await (await open(dir, fire)).fire('a', {}, { keep: true })
    expect(tries.items).toHaveLength(2)
    expect(tries.items[1]).toEqual(tries.items[0])
  })

  it('counts an event as spooled while the link is down, and waits for it on settle', async () => {
    const dir = await testFolder()
    const gate = createGate()
    const fire: Fire = async () => {
      await gate.passed
      return { id: '', seq: 1 }
    }
    const spool = await open(dir, fire, () => false)
    await spool.fire('a', {})
    expect(onDisk(spool.file)).toEqual(['a'])
    gate.open()
    await spool.settle(5000)
    expect(onDisk(spool.file)).toEqual([])
  })

  it('says so when it cannot be written', async () => {
    const dir = await testFolder()
    await writeFile(join(dir, 'file'), '')
    const { fire } = accepting()
    await expect(open(join(dir, 'file'), fire)).rejects.toMatchObject({
      code: 'unwritable',
      message: expect.stringContaining(join(dir, 'file')),
    })
    const spool = await open(dir, fire)
    await spool.file.close()
    await expect(spool.fire('a', {})).rejects.toMatchObject({
      code: 'unwritable',
      message: expect.stringContaining("'a' cannot be spooled"),
    })
  })

  it('sends what it cannot write while the link is up, and says so once; without a link nothing takes it', async () => {
    const { log, lines } = keptLog()
    const file: DurableMap<Spooled> = {
      values: new Map(),
      put: () => Promise.reject(new ReactorError('unwritable', 'no space left on device')),
      delete: () => Promise.reject(new ReactorError('unwritable', 'no space left on device')),
      close: async () => undefined,
    }
    const { fire, seen } = accepting()
    let linked = true
    const spool = startSpool({ file, fire, connected: () => linked, now: Date.now, log })
    await spool.fire('a', {})
    await spool.fire('b', {}, { keep: true })
    expect(seen.items.map(({ tag }) => tag)).toEqual(['a', 'b'])
    expect(lines.items.map(({ msg }) => msg)).toEqual(['events cannot be spooled; they are sent without'])
    linked = false
    await expect(spool.fire('c', {})).rejects.toMatchObject({ code: 'unwritable' })
  })
})
