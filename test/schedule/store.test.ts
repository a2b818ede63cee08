import { jetstreamManager } from '@nats-io/jetstream'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import { isOvertaken } from '../../src/bus/pub-ack.ts'
import { bucketNames } from '../../src/protocol/streams.ts'
import { openScheduleStore } from '../../src/schedule/store.ts'
import type { Kept } from '../../src/schedule/timetable.ts'
import { openCore } from '../helpers/core.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const kept = (last: number): Kept => ({ timesKey: 'k', since: 1, last, extra: [], skip: [], running: [] })

async function open() {
  const { nc, ns, publisher } = await openCore(server)
  const one = () => openScheduleStore(nc, ns, 1, publisher, silentLog)
  return { nc, ns, one }
}

it('what is kept of thousands of entries is there for the next leader, whatever their names', async () => {
  const { one } = await open()
  const first = await one()
  await first.load()
  const names = Array.from({ length: 5000 }, (_, n) => `an entry: ${n}.x`)
  await Promise.all(names.map((name, n) => first.keep(name, kept(n))))
  await first.keep('an entry: 7.x', kept(700))
  await first.keep('an entry: 8.x', undefined)
  await first.keepChange('', { enabled: false })
  await first.keepChange('a', { item: { function: 'test.arg', seconds: 5 } })
  await first.keepState({ at: 5, start: 4, begun: true, secret: 's' })
  const { kept: found, changes, state } = await (await one()).load()
  expect(found.size).toBe(4999)
  expect([found.get('an entry: 7.x')?.last, found.get('an entry: 4999.x')?.last]).toEqual([700, 4999])
  expect([...changes]).toEqual([
    ['', { enabled: false }],
    ['a', { item: { function: 'test.arg', seconds: 5 } }],
  ])
  expect(state).toEqual({ at: 5, start: 4, begun: true, secret: 's' })
})

it('who has read before another wrote is refused', async () => {
  const { one } = await open()
  const [first, second] = [await one(), await one()]
  await Promise.all([first.load(), second.load()])
  await second.keep('a', kept(1))
  const refusal = await first.keep('a', kept(2)).catch(error => error)
  expect(isOvertaken(refusal)).toBe(true)
  await first.load()
  await first.keep('a', kept(2))
  expect((await second.load()).kept.get('a')?.last).toBe(2)
})

it('an entry that is gone may come again, also once the mark of that has run out', async () => {
  const { nc, ns, one } = await open()
  const [store, later] = [await one(), await one()]
  await store.load()
  await store.keepChange('a', { enabled: false })
  await store.keepChange('a', undefined)
  await later.load()
  const jsm = await jetstreamManager(nc)
  const runOut = () => jsm.streams.purge(`KV_${bucketNames(ns).schedules}`, { filter: `$KV.*.change.a` })
  await runOut()
  await store.keepChange('a', { enabled: true })
  await expect(later.keepChange('a', { enabled: false })).rejects.toThrow('another has written it')
  await store.keepChange('a', undefined)
  await later.load()
  await runOut()
  await later.keepChange('a', { enabled: false })
  expect((await (await one()).load()).changes.get('a')).toEqual({ enabled: false })
})

it('an entry that is gone may come again', async () => {
  const { one } = await open()
  const store = await one()
  await store.load()
  await store.keep('a', undefined)
  await store.keep('a', kept(1))
  await store.keep('a', undefined)
  await store.keep('a', kept(2))
  expect((await (await one()).load()).kept.get('a')?.last).toBe(2)
})
