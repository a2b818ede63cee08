import { describe, expect, it } from 'vitest'
import { ReactorError } from '../../src/base/errors.ts'
import { silentLog } from '../../src/base/log.ts'
import type { Publisher } from '../../src/bus/publish.ts'
import type { ReactionBatch } from '../../src/protocol/reaction.ts'
import { createSubjects } from '../../src/protocol/subject.ts'
import { readEntry } from '../../src/schedule/old-entry.ts'
import { startSchedule } from '../../src/schedule/worker.ts'
import { createSeen } from '../helpers/wait.ts'

const MINUTE = 60_000
const START = Date.UTC(2026, 10, 20, 9, 0, 30)

/** A schedule of one entry a minute on a clock whose sleeps end at once, after `turn` has turned its hands. */
function start(
  turn: (clock: { at: number }, sleepMs: number, sleeps: number) => void,
  refuses: (slot: string) => boolean = () => false,
) {
  const clock = { at: START }
  const handed = createSeen<{ slot: string; at: number }>()
  let sleeps = 0
  const running = startSchedule({
    entries: [readEntry('e', { function: 'runner.test.arg', args: [], kwargs: {}, minutes: 1, enabled: true })],
    subjects: createSubjects('reactor'),
    publisher: {
      async publish(_subject: string, body: string) {
        const { id } = (JSON.parse(body) as ReactionBatch).reactions[0]!.event
        if (refuses(id)) throw new ReactorError('store_refused', 'the store is full')
        handed.push({ slot: id, at: clock.at })
        return { seq: 1, duplicate: false }
      },
    } as unknown as Publisher,
    clock: {
      now: () => clock.at,
      async sleep(ms, signal) {
        await new Promise(resolve => setImmediate(resolve))
        signal?.throwIfAborted()
        turn(clock, ms, sleeps++)
      },
    },
    log: silentLog,
  })
  return { handed, running }
}

const slot = (minutes: number) => `e@${new Date(Date.UTC(2026, 10, 20, 9, minutes)).toISOString()}`
const times = (minutes: number) => Date.UTC(2026, 10, 20, 9, minutes)

describe('the schedule', () => {
  it('hands a slot over when it is due, however early its timers fire', async () => {
    const { handed, running } = start((clock, ms, sleeps) => {
      clock.at += sleeps % 3 === 2 ? ms : Math.floor(ms / 2)
    })
    await handed.reach(3)
    await running.stop()
    expect(handed.items.slice(0, 3)).toEqual([1, 2, 3].map(n => ({ slot: slot(n), at: times(n) })))
  })

  it('hands no slot over twice where the clock is set back', async () => {
    const { handed, running } = start((clock, ms, sleeps) => {
      // In the sleep after the first slot, to before it.
      clock.at += sleeps === 1 ? -2 * MINUTE : ms
    })
    await handed.reach(3)
    await running.stop()
    expect(handed.items.slice(0, 3).map(each => each.slot)).toEqual([slot(1), slot(2), slot(3)])
  })

  it('goes on at its interval where the clock is set back by hours', async () => {
    const { handed, running } = start((clock, ms, sleeps) => {
      clock.at += sleeps === 1 ? -300 * MINUTE : ms
    })
    await handed.reach(4)
    await running.stop()
    expect(handed.items.slice(0, 4).map(each => each.slot)).toEqual([slot(1), slot(2), slot(3), slot(4)])
    expect(handed.items[3]!.at).toBeLessThan(START - 290 * MINUTE)
  })

  it('goes on at its interval where the clock is set back by hours', async () => {
    let slept = 0
    const { handed, running } = start((clock, ms, sleeps) => {
      slept += ms
      clock.at += sleeps === 1 ? -300 * MINUTE : ms
    })
    await handed.reach(4)
    await running.stop()
    const slots = handed.items.slice(0, 4).map(each => each.slot)
    expect(slots).toEqual([slot(1), slot(2), slot(3), slot(4)])
    // Of its timers, which no clock turns: not much more than an interval for each.
    expect(slept).toBeLessThan(handed.items.length * MINUTE + MINUTE)
  })

  it('hands over one slot for all that passed while the machine slept', async () => {
    const { handed, running } = start((clock, ms, sleeps) => {
      clock.at += sleeps === 1 ? 10 * MINUTE : ms
    })
    await handed.reach(3)
    await running.stop()
    expect(handed.items.slice(0, 3).map(each => each.slot)).toEqual([slot(1), slot(2), slot(12)])
  })

  it('tries a slot that the store refuses until it is taken', async () => {
    let refusals = 4
    const { handed, running } = start(
      (clock, ms) => {
        clock.at += ms
      },
      () => refusals-- > 0,
    )
    await handed.reach(2)
    await running.stop()
    expect(handed.items.slice(0, 2).map(each => each.slot)).toEqual([slot(1), slot(2)])
    expect(handed.items[0]!.at).toBeGreaterThan(times(1))
    expect(handed.items[0]!.at).toBeLessThan(times(2))
    expect(running.stats().get('e')).toMatchObject({ failed: 0 })
  })

  it('gives a slot up when the next is due, and counts it', async () => {
    const { handed, running } = start(
      (clock, ms) => {
        clock.at += ms
      },
      id => id === slot(1),
    )
    await handed.reach(1)
    await running.stop()
    expect(handed.items[0]!.slot).toBe(slot(2))
    expect(running.stats().get('e')).toMatchObject({ failed: 1 })
  })
})
