import { Kvm } from '@nats-io/kv'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openAlarms } from '../../src/alarms/alarms.ts'
import { ReactorError } from '../../src/base/errors.ts'
import type { Fire } from '../../src/bus/fire.ts'
import { type Core, keptLog, openCore } from '../helpers/core.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { createSeen, within } from '../helpers/wait.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const open = async ({ nc, ns, fire }: Core, own: Fire = fire) => {
  const kept = keptLog()
  return { ...kept, alarms: await openAlarms(nc, ns, 1, own, kept.log) }
}

const failing = (reason: string) => ({ rule: 'a', key: 'event/a', reason })
const piled = (fast: number) => ({ rule: 'a', fast })

describe('an alarm', () => {
  it('is an event and a line of the log, with what it is about', async () => {
    const core = await openCore(server)
    const { alarms, lines } = await open(core)
    alarms.raise('rule', 'web-down', failing('no disk'))
    const event = await core.events.find(({ tag }) => tag === 'salt/alarm/rule/web-down', 'the alarm')
    expect(event.data).toEqual({ kind: 'rule', about: 'web-down', ...failing('no disk') })
    expect(await lines.find(({ msg }) => msg === 'alarm', 'its line')).toMatchObject({
      level: 40,
      alarm: 'rule',
      reason: 'no disk',
    })
  })

  it('is told once, however often and by however many processes it is raised', async () => {
    const core = await openCore(server)
    const first = await open(core)
    first.alarms.raise('rule', 'a', failing('first'))
    first.alarms.raise('rule', 'a', failing('first again'))
    await core.events.find(({ data }) => data.about === 'a', 'the alarm')
    const second = await open(core)
    second.alarms.raise('rule', 'a', failing('second'))
    second.alarms.raise('rule', 'b', failing('second'))
    await core.events.find(({ data }) => data.about === 'b', 'the other alarm')
    expect(core.events.items.filter(({ data }) => data.about === 'a')).toHaveLength(1)
  })

  it('is told again once what it told of has ended', async () => {
    const core = await openCore(server)
    const { alarms } = await open(core)
    alarms.raise('lane', 'a', piled(1))
    await core.events.find(({ data }) => data.fast === 1, 'the alarm')
    alarms.clear('lane', 'a')
    alarms.raise('lane', 'a', piled(2))
    await core.events.find(({ data }) => data.fast === 2, 'the alarm anew')
  })

  it('that could not be stored is told the next time, by whichever process', async () => {
    const core = await openCore(server)
    const { alarms, lines } = await open(core, () => Promise.reject(new ReactorError('store_refused', 'it is full')))
    alarms.raise('store_full', 'EVENTS', { message: 'full', bytes: 1 })
    const line = await lines.find(({ msg }) => msg === 'an alarm could not be fired', 'the word of it')
    expect(line).toMatchObject({ alarm: 'store_full', error: 'it is full' })
    const other = await open(core)
    other.alarms.raise('store_full', 'EVENTS', { message: 'full', bytes: 2 })
    expect((await core.events.find(({ data }) => data.kind === 'store_full', 'the alarm')).data.bytes).toBe(2)
  })

  it('that was marked by a process that ended before it told is told by the next that sees it, once', async () => {
    const core = await openCore(server)
    // The process that stores the mark never gets its event out.
    const { alarms } = await open(core, () => new Promise(() => undefined))
    const { kept } = await marksOf(core)
    alarms.raise('rule', 'a', failing('the one that died'))
    await kept.find(key => key === 'rule.a', 'the mark')
    const [one, other] = [await open(core), await open(core)]
    one.alarms.raise('rule', 'a', failing('a survivor'))
    other.alarms.raise('rule', 'a', failing('a survivor'))
    await kept.find(key => key === 'rule.a.told', 'the word that it was told')
    other.alarms.raise('rule', 'b', failing(''))
    await core.events.find(({ tag }) => tag === 'salt/alarm/rule/b', 'another alarm')
    const told = core.events.items.filter(({ tag }) => tag === 'salt/alarm/rule/a')
    expect(told.map(({ data }) => data.reason)).toEqual(['a survivor'])
  })

  it('may be cleared by another process than raised it, and be raised anew by either', async () => {
    const core = await openCore(server)
    const first = await open(core)
    const second = await open(core)
    const { kept, gone } = await marksOf(core)
    first.alarms.raise('lane', 'a', piled(1))
    await kept.find(key => key === 'lane.a.told', 'the word that it was told')
    second.alarms.raise('lane', 'b', piled(1))
    await core.events.find(({ tag }) => tag === 'salt/alarm/lane/b', 'another alarm')
    // The second hears of the mark a moment later than the test may.
    await within(
      (async () => {
        while (!gone.items.includes('lane.a')) {
          second.alarms.clear('lane', 'a')
          await new Promise(resolve => setImmediate(resolve))
        }
      })(),
      'the mark to be gone',
    )
    await within(
      (async () => {
        while (!core.events.items.some(({ data }) => data.fast === 2)) {
          first.alarms.raise('lane', 'a', piled(2))
          await new Promise(resolve => setImmediate(resolve))
        }
      })(),
      'the alarm anew',
    )
    // What they read of each other's marks is well formed.
    const words = [first, second].flatMap(({ lines }) => lines.items.map(({ msg }) => msg))
    expect(new Set(words)).toEqual(new Set(['alarm']))
  })

  it('about a name that is longer than a key may be is raised all the same', async () => {
    const core = await openCore(server)
    const { alarms } = await open(core)
    const about = '$'.repeat(3000)
    alarms.raise('rule', about, failing('long'))
    expect((await core.events.find(({ data }) => data.reason === 'long', 'the alarm')).data.about).toBe(about)
  })
})

async function marksOf({ nc, ns }: Core) {
  const kept = createSeen<string>()
  const gone = createSeen<string>()
  const bucket = await new Kvm(nc).open(`${ns}_alarms`)
  const watch = await bucket.watch()
  void (async () => {
    for await (const { key, operation } of watch) (operation === 'PUT' ? kept : gone).push(key)
  })()
  return { kept, gone }
}
