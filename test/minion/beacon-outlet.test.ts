import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { ReactorError } from '../../src/base/errors.ts'
import { createBeaconOutlet } from '../../src/minion/beacon-outlet.ts'
import { openSpoolFile, startSpool } from '../../src/minion/spool.ts'
import { keptLog } from '../helpers/core.ts'
import { testFolder } from '../helpers/folder.ts'
import { createGate, createSeen, untilTaken } from '../helpers/wait.ts'
import { createHandClock } from '../schedule/hand-clock.ts'

it('what a beacon says at once, with the link away, does not outgrow its room on disk, and gets away with the link', async () => {
  const { log } = keptLog()
  const file = await openSpoolFile(join(await testFolder(), 'spool.jsonl'), log)
  onTestFinished(() => file.close())
  const link = createGate()
  const fired = createSeen<{ tag: string; data: Record<string, unknown> }>()
  const clock = createHandClock(0)
  const spool = startSpool({
    ...{ file, now: clock.now, log, connected: () => false },
    async fire(tag, data) {
      await link.passed
      fired.push({ tag, data })
      return { id: '', seq: 1 }
    },
  })
  const outlet = createBeaconOutlet({
    ...{ id: 'm1', spool, file, clock, log, most: 10 },
    connected: () => false,
    hide: value => value,
  })
  onTestFinished(() => outlet.stop())
  for (let line = 0; line < 100; line++) outlet.say('log', { tag: '', data: { line }, told: 'change' })
  outlet.say('log', { tag: 'x', data: { state: 'down' }, told: 'change', thing: 'x' })
  await untilTaken('the writing', async () => expect(file.values.size).toBe(10))
  await clock.turn(5000)
  expect(file.values.size).toBe(10)
  link.open()
  await fired.reach(10)
  await untilTaken('the room', async () => {
    expect(file.values.size).toBe(0)
    await clock.turn(1000)
    expect(fired.items.length).toBe(12)
  })
  expect(fired.items.slice(10)).toEqual([
    { tag: 'salt/minion/m1/beacon/log/dropped', data: expect.objectContaining({ id: 'm1', beacon: 'log', count: 90 }) },
    { tag: 'salt/beacon/m1/log/x', data: { state: 'down', id: 'm1' } },
  ])
})

it.each<['unwritable' | 'store_refused', string]>([
  ['unwritable', 'no space left on device'],
  ['store_refused', 'maximum bytes exceeded'],
])(
  'what a beacon says while nothing takes it is held back: the newest of each thing, and how many there were: %s',
  async (code, why) => {
    const { log } = keptLog()
    const fired = createSeen<{ tag: string; data: Record<string, unknown> }>()
    const clock = createHandClock(0)
    let full = true
    const outlet = createBeaconOutlet({
      ...{ id: 'm1', file: { values: new Map() }, clock, log },
      connected: () => true,
      hide: value => value,
      spool: {
        async fire(tag, data) {
          if (full) throw new ReactorError(code, why)
          fired.push({ tag, data })
        },
      },
    })
    onTestFinished(() => outlet.stop())
    for (const state of ['down', 'up', 'down']) {
      outlet.say('ps', { tag: 'x', data: { state }, told: 'change', thing: 'x' })
      await clock.turn(3000)
    }
    outlet.say('ps', { tag: 'y', data: {}, told: 'change' })
    await clock.turn(3000)
    full = false
    await clock.turn(1000)
    expect(fired.items).toEqual([
      { tag: 'salt/minion/m1/beacon/ps/dropped', data: expect.objectContaining({ count: 3 }) },
      { tag: 'salt/beacon/m1/ps/x', data: { state: 'down', id: 'm1' } },
    ])
  },
)
