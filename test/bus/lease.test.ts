import { jetstreamManager } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openBucket } from '../../src/bus/bucket.ts'
import { type Lease, openLeases } from '../../src/bus/lease.ts'
import { bucketNames } from '../../src/protocol/streams.ts'
import { useConnection } from '../helpers/connected.ts'
import { keptLog } from '../helpers/core.ts'
import { startRestartableServer } from '../helpers/restartable.ts'
import { within } from '../helpers/wait.ts'

const TIMES = { ttlMs: 1000, renewMs: 200, lookMs: 100 }
let namespaces = 0

/** A connection on which some of what is stored on a subject is not answered: the next so many of `lose`. */
function losingAcks(nc: NatsConnection, subject: string) {
  let left = 0
  let lost = 0
  const request: NatsConnection['request'] = async (to, ...rest) => {
    const reply = await nc.request(to, ...rest)
    if (to !== subject || left === 0) return reply
    left -= 1
    lost += 1
    throw new Error('timeout')
  }
  const proxy = new Proxy(nc, {
    get(target, name) {
      if (name === 'request') return request
      const value = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  return {
    nc: proxy,
    lose(count: number) {
      left = count
    },
    lost: () => lost,
  }
}

describe('a lease', () => {
  const bare = useConnection()
  const open = async (ns: string, holder: string, times = TIMES) =>
    openLeases(bare.nc, ns, 1, holder, keptLog().log, times)
  const namespace = () => `lease${namespaces++}`
  const never = () => new AbortController().signal
  const lost = ({ lost }: Lease) =>
    within(
      new Promise<void>(resolve => (lost.aborted ? resolve() : lost.addEventListener('abort', () => resolve()))),
      'the loss of the lease',
    )

  it('is had by one of many who reach for it, and by the next when it is given back', async () => {
    const ns = namespace()
    const leases = await Promise.all(['a', 'b', 'c', 'd'].map(holder => open(ns, holder)))
    const had: Lease[] = []
    const taken = leases.map(async each => {
      const lease = await each.take('x', never())
      expect(had.filter(one => one.valid())).toEqual([])
      had.push(lease!)
      expect(lease!.valid()).toBe(true)
      await lease!.release()
      expect(lease!.valid()).toBe(false)
    })
    await within(Promise.all(taken), 'everyone’s turn')
    expect(had).toHaveLength(4)
  })

  it('leaves nothing behind for good when it is given back', async () => {
    const ns = namespace()
    const leases = await open(ns, 'a')
    for (const name of ['x', 'y', 'z']) await (await leases.take(name, never()))!.release()
    const jsm = await jetstreamManager(bare.nc)
    const left = async () => (await jsm.streams.info(`KV_${bucketNames(ns).leases}`)).state.messages
    await expect.poll(left).toBe(0)
  })

  it('stays with who renews it, for longer than it lasts', async () => {
    const ns = namespace()
    const [first, second] = await Promise.all([open(ns, 'a'), open(ns, 'b')])
    const lease = (await first.take('x', never()))!
    const bucket = await openBucket(bare.nc, bucketNames(ns).leases, { replicas: 1 })
    const begun = (await bucket.get('x'))!.revision
    const waiting = new AbortController()
    const other = second.take('x', waiting.signal)
    const watch = await bucket.watch({ key: 'x' })
    // More renewals than its time to live has room for.
    for await (const { revision } of watch) if (revision >= begun + 8) break
    expect(lease.valid()).toBe(true)
    waiting.abort()
    expect(await other).toBeUndefined()
    await lease.release()
  })

  it('stays with who holds it where the acks of renewals that were stored are lost', async () => {
    const ns = namespace()
    const lossy = losingAcks(bare.nc, `$KV.${bucketNames(ns).leases}.x`)
    const times = { ...TIMES, ttlMs: 3000 }
    const [first, second] = await Promise.all([
      openLeases(lossy.nc, ns, 1, 'a', keptLog().log, times),
      open(ns, 'b', times),
    ])
    const lease = (await first.take('x', never()))!
    const bucket = await openBucket(bare.nc, bucketNames(ns).leases, { replicas: 1 })
    const waiting = new AbortController()
    const other = second.take('x', waiting.signal)
    const watch = await bucket.watch({ key: 'x' })
    const begun = (await bucket.get('x'))!.revision
    lossy.lose(1)
    for await (const { revision } of watch) {
      if (revision === begun + 4) lossy.lose(1)
      if (revision >= begun + 12) break
    }
    expect(lossy.lost()).toBe(2)
    expect(lease.lost.aborted).toBe(false)
    expect((await bucket.get('x'))!.json()).toMatchObject({ holder: 'a' })
    waiting.abort()
    expect(await other).toBeUndefined()
    await lease.release()
  })

  it('of who does not renew it is over there before another has it', async () => {
    const ns = namespace()
    const [silent, other] = await Promise.all([open(ns, 'a', { ...TIMES, renewMs: 60_000 }), open(ns, 'b')])
    const lease = (await silent.take('x', never()))!
    expect(lease.valid()).toBe(true)
    const next = (await within(other.take('x', never()), 'the next'))!
    expect(lease.valid()).toBe(false)
    await lost(lease)
    expect(next.valid()).toBe(true)
    // What is not one's own any more is not given back.
    await lease.release()
    const bucket = await openBucket(bare.nc, bucketNames(ns).leases, { replicas: 1 })
    expect((await bucket.get('x'))!.json()).toMatchObject({ holder: 'b' })
    await next.release()
  })

  it('is lost where another has written it', async () => {
    const ns = namespace()
    const lease = (await (await open(ns, 'a')).take('x', never()))!
    const bucket = await openBucket(bare.nc, bucketNames(ns).leases, { replicas: 1 })
    await bucket.put('x', '{"holder":"b"}')
    await lost(lease)
    expect(lease.valid()).toBe(false)
  })

  it('is one for each name', async () => {
    const ns = namespace()
    const [first, second] = await Promise.all([open(ns, 'a'), open(ns, 'b')])
    const both = [(await first.take('x', never()))!, (await second.take('y', never()))!]
    expect(both.map(lease => lease.valid())).toEqual([true, true])
    await Promise.all(both.map(lease => lease.release()))
  })
})

it('a lease ends with the server, and is taken again when that is back', async () => {
  const server = await startRestartableServer()
  onTestFinished(() => server.remove())
  const nc = await connect({ servers: server.url, maxReconnectAttempts: -1, reconnectTimeWait: 50 })
  onTestFinished(() => nc.close())
  const leases = await openLeases(nc, 'gone', 1, 'a', keptLog().log, TIMES)
  const lease = (await leases.take('x', new AbortController().signal))!
  await server.end('SIGKILL')
  await within(
    new Promise<void>(resolve => lease.lost.addEventListener('abort', () => resolve())),
    'the loss of the lease',
  )
  const again = leases.take('x', new AbortController().signal)
  await server.start()
  const next = (await within(again, 'the lease again'))!
  expect(next.valid()).toBe(true)
  await next.release()
})
