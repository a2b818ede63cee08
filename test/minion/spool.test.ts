import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ReactorError } from '../../src/base/errors.ts'
import { silentLog } from '../../src/base/log.ts'
import { createFire, type Fire } from '../../src/bus/fire.ts'
import { provisionStreams } from '../../src/bus/provision.ts'
import { createPublisher, type Publisher } from '../../src/bus/publish.ts'
import { openSpool } from '../../src/minion/spool.ts'
import { minionOrigin } from '../../src/protocol/origin.ts'
import { DEFAULT_LIMITS } from '../../src/protocol/streams.ts'
import { createSubjects } from '../../src/protocol/subject.ts'
import { testFolder } from '../helpers/folder.ts'
import { type RestartableServer, startRestartableServer } from '../helpers/restartable.ts'
import { createGate, createSeen, within } from '../helpers/wait.ts'

const files = async (dir: string) => (await readdir(dir)).sort()
const open = (dir: string, fire: Fire, connected = () => true) =>
  openSpool({ dir, fire, connected, now: Date.now, log: silentLog })

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
    const dir = await testFolder()
    const { fire } = await spool(dir)
    await Promise.all([1, 2, 3].map(n => fire('a', { n })))
    expect(await storedNumbers()).toEqual([1, 2, 3])
    expect(await files(dir)).toEqual([])
  })

  it('keeps the order and every event over a restart of the server', async () => {
    const dir = await testFolder()
    const { fire, settle } = await spool(dir)
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
    expect(await files(dir)).toEqual([])
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
    expect(await files(dir)).toHaveLength(3)

    await server.start()
    await link()
    const second = await spool(dir)
    await second.fire('a', { n: 4 })
    await second.settle(5000)
    expect(await storedNumbers()).toEqual([0, 1, 2, 3, 4])
    expect(await files(dir)).toEqual([])
  })

  it('gives a refusal of the store to the caller, and keeps what must arrive until there is room', async () => {
    const dir = await testFolder()
    const jsm = await jetstreamManager(nc)
    await jsm.streams.update('reactor_EVENTS', { max_msgs: 1 } as never)
    const { fire } = await spool(dir)
    await fire('a', { n: 0 })
    await expect(fire('a', { n: 1 })).rejects.toMatchObject({ code: 'store_refused' })
    expect(await files(dir)).toEqual([])
    const kept = fire('a', { n: 2 }, { keep: true })
    await expect(fire('a', { n: 3 })).rejects.toMatchObject({ code: 'store_refused' })
    expect(await files(dir)).toHaveLength(1)
    await jsm.streams.update('reactor_EVENTS', { max_msgs: -1 } as never)
    await within(kept, 'the event that must arrive')
    expect(await storedNumbers()).toEqual([0, 2])
    expect(await files(dir)).toEqual([])
  })

  it.each([true, false])('gives an event that no message can hold back to the caller (keep: %s)', async keep => {
    const dir = await testFolder()
    const { fire } = await spool(dir)
    await expect(fire('a', { x: 'x'.repeat(2_000_000) }, { keep })).rejects.toMatchObject({ code: 'bad_event' })
    expect(await files(dir)).toEqual([])
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

  it('sets a malformed file aside, delivers the others in order, and numbers on', async () => {
    const dir = await testFolder()
    const event = (tag: string) =>
      JSON.stringify({ id: tag, tag, data: {}, stamp: '2026-11-20T09:18:20.838387', hops: 0 })
    await writeFile(join(dir, '000000000007.json'), event('seven'))
    await writeFile(join(dir, '000000000008.json'), '{"id": "half')
    await writeFile(join(dir, '000000000009.json'), event('nine'))
    await writeFile(join(dir, '000000000011.json'), 'null')
    await writeFile(join(dir, '000000000012.json'), '{"tag":5}')
    await writeFile(join(dir, '000000000003.json.new'), '{}')
    await writeFile(join(dir, 'notes.json'), 'not ours')
    const { seen, fire } = accepting()
    const spool = await open(dir, fire)
    await spool.fire('after', {})
    await spool.settle(5000)
    expect(seen.items.map(({ tag }) => tag)).toEqual(['seven', 'nine', 'after'])
    expect(await files(dir)).toEqual([
      '000000000003.json.new',
      '000000000008.json.bad',
      '000000000011.json.bad',
      '000000000012.json.bad',
      'notes.json',
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
    expect(await files(dir)).toEqual(['000000000001.json'])
    gate.open()
    await spool.settle(5000)
    expect(await files(dir)).toEqual([])
  })

  it('says so when its folder cannot be written', async () => {
    const dir = await testFolder()
    await writeFile(join(dir, 'file'), '')
    const { fire } = accepting()
    await expect(open(join(dir, 'file'), fire)).rejects.toMatchObject({
      code: 'unwritable',
      message: expect.stringContaining(join(dir, 'file')),
    })
  })
})
