import { describe, expect, it } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import type { Publisher } from '../../src/bus/publish.ts'
import type { ReactionBatch } from '../../src/protocol/reaction.ts'
import { createSubjects } from '../../src/protocol/subject.ts'
import { readEntry } from '../../src/schedule/entry.ts'
import { startSchedule } from '../../src/schedule/worker.ts'
import { createSeen } from '../helpers/wait.ts'

const MINUTE = 60_000
const START = Date.UTC(2026, 10, 20, 9, 0, 30)

/** A schedule of one entry a minute on a clock whose sleeps end at once, after `turn` has turned its hands. */
function start(turn: (clock: { at: number }, sleepMs: number, sleeps: number) => void) {
  const clock = { at: START }
  const handed = createSeen<{ slot: string; at: number }>()
  let sleeps = 0
  const running = startSchedule({
    entries: [readEntry('e', { function: 'runner.test.arg', args: [], kwargs: {}, minutes: 1, enabled: true })],
    subjects: createSubjects('reactor'),
    publisher: {
      async publish(_subject: string, body: string) {
        handed.push({ slot: (JSON.parse(body) as ReactionBatch).reactions[0]!.event.id, at: clock.at })
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

  it('hands over one slot for all that passed while the machine slept', async () => {
    const { handed, running } = start((clock, ms, sleeps) => {
      clock.at += sleeps === 1 ? 10 * MINUTE : ms
    })
    await handed.reach(3)
    await running.stop()
    expect(handed.items.slice(0, 3).map(each => each.slot)).toEqual([slot(1), slot(2), slot(12)])
  })
})
