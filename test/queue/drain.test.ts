import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { silentLog } from '../../src/base/log.ts'
import type { Fire } from '../../src/bus/fire.ts'
import { openLeases } from '../../src/bus/lease.ts'
import { type DrainOf, paceOf, startDrain } from '../../src/queue/drain.ts'
import { entryOf } from '../../src/queue/entry.ts'
import { keptLog, openCore } from '../helpers/core.ts'
import { testFolder } from '../helpers/folder.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { createGate, within } from '../helpers/wait.ts'
import { createHandClock } from '../schedule/hand-clock.ts'
import { openQueues } from './opened.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server?.stop())

const numbers = (count: number) => Array.from({ length: count }, (_, n) => `item-${n}`)
const TIMES = { ttlMs: 2000, renewMs: 300, lookMs: 100 }

describe('the pace of a drain', () => {
  it.each<[string, DrainOf, { batch: number; everyMs: number }]>([
    ['1/s', { rate: { items: 1, everyMs: 1000 } }, { batch: 1, everyMs: 1000 }],
    ['10/s', { rate: { items: 10, everyMs: 1000 } }, { batch: 1, everyMs: 100 }],
    ['1000/s', { rate: { items: 1000, everyMs: 1000 } }, { batch: 100, everyMs: 100 }],
    ['100/h', { rate: { items: 100, everyMs: 3_600_000 } }, { batch: 1, everyMs: 36_000 }],
    ['60/m in tens', { rate: { items: 60, everyMs: 60_000 }, batch: 10 }, { batch: 10, everyMs: 10_000 }],
    ['2/s in tens', { rate: { items: 2, everyMs: 1000 }, batch: 10 }, { batch: 2, everyMs: 1000 }],
  ])('of %s', (_what, given, pace) => {
    expect(paceOf(given)).toEqual(pace)
  })
})

describe('a drain', () => {
  it('hands items to rules in their order, no faster than its rate, and none that is not stored', async () => {
    const core = await openCore(server)
    const { backends } = await openQueues(core)
    const backend = await backends.open()
    await backend.insert('q', numbers(30).map(entryOf))
    const clock = createHandClock(1_000_000)
    const fired: { at: number; items: unknown }[] = []
    const fire: Fire = async (_tag, data) => {
      fired.push({ at: clock.now(), items: data.items })
      return { id: '', seq: 1 }
    }
    const lost = new AbortController()
    const lease = { valid: () => true, lost: lost.signal, release: async () => undefined }
    let given = false
    const drain = startDrain({
      queues: { q: { rate: { items: 10, everyMs: 1000 }, batch: 2 } },
      open: async () => backend,
      leases: {
        take: async (_name, signal) => {
          if (!given) {
            given = true
            return lease
          }
          await new Promise(resolve => signal.addEventListener('abort', resolve))
          return undefined
        },
      },
      fire,
      clock,
      log: silentLog,
    })
    for (let n = 0; n < 100 && fired.length < 15; n++) await clock.turn(200)
    expect(fired.flatMap(({ items }) => items)).toEqual(numbers(30))
    for (const [n, { at }] of fired.entries()) if (n > 0) expect(at - fired[n - 1]!.at).toBeGreaterThanOrEqual(200)
    expect(await backend.length('q')).toBe(0)
    await drain.stop()
  })

  it('ends though an event of its waits for the server', async () => {
    const core = await openCore(server)
    const { backends } = await openQueues(core)
    await (await backends.open()).insert('q', [entryOf('a')])
    const fired = createGate()
    const drain = startDrain({
      queues: { q: { rate: { items: 10, everyMs: 1000 } } },
      open: backends.open,
      leases: await openLeases(core.nc, core.ns, 1, 'a', silentLog, TIMES),
      fire: () => {
        fired.open()
        return new Promise(() => undefined)
      },
      clock: systemClock,
      log: silentLog,
    })
    await within(fired.passed, 'the event')
    await within(drain.stop(), 'the end of the drain')
    expect(await (await backends.open()).items('q', 10)).toEqual(['a'])
  })

  it.each(['sqlite', 'jetstream'] as const)(
    'is led by one worker, and by another when that one is gone: %s',
    async name => {
      const core = await openCore(server)
      const dir = await testFolder()
      const worker = async (holder: string) => {
        const { backends } = await openQueues(core, name, dir)
        const drain = startDrain({
          queues: { q: { rate: { items: 200, everyMs: 1000 }, batch: 5 } },
          open: backends.open,
          leases: await openLeases(core.nc, core.ns, 1, holder, silentLog, TIMES),
          fire: core.fire,
          clock: systemClock,
          log: silentLog,
        })
        onTestFinished(() => drain.stop())
        return { drain, backend: await backends.open() }
      }
      const [first, second] = [await worker('a'), await worker('b')]
      await first.backend.insert('q', numbers(60).map(entryOf))
      await core.events.find(({ tag }) => tag === 'salt/queue/q/process', 'the first items')
      await first.drain.stop()
      await second.backend.insert('q', numbers(100).map(entryOf))
      const last = 'item-99'
      await core.events.find(({ data }) => (data.items as unknown[])?.includes(last), 'the last item')
      const items = core.events.items.flatMap(({ data }) => data.items as string[])
      expect(new Set(items)).toEqual(new Set(numbers(100)))
      // What is fired last is removed by then.
      await second.drain.stop()
      expect(await second.backend.length('q')).toBe(0)
    },
  )

  it('says once that its store is away, and goes on when it is back', async () => {
    const core = await openCore(server)
    const { backends } = await openQueues(core)
    const backend = await backends.open()
    await backend.insert('q', [entryOf('a')])
    const { log, lines } = keptLog()
    let away = 3
    const drain = startDrain({
      queues: { q: { rate: { items: 100, everyMs: 1000 } } },
      open: async () => {
        if (away-- > 0) throw new Error('it is away')
        return backend
      },
      leases: await openLeases(core.nc, core.ns, 1, 'a', log, TIMES),
      fire: core.fire,
      clock: systemClock,
      log,
    })
    await core.events.find(({ data }) => (data.items as unknown[])?.includes('a'), 'the item')
    await drain.stop()
    expect(lines.items.filter(({ msg }) => msg.includes('cannot be drained'))).toHaveLength(1)
  })
})
