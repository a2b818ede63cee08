import { afterEach, describe, expect, it } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import { type Scheduler, startScheduler } from '../../src/schedule/scheduler.ts'
import type { Kept } from '../../src/schedule/timetable.ts'
import { createHandClock, type HandClock } from './hand-clock.ts'
import { at, entry, iso } from './helpers.ts'

const NOON = at('2026-11-22 12:00')
const MINUTE = 60_000
let running: Scheduler<unknown> | undefined

afterEach(() => running?.stop())

/** A scheduler whose runs never end by themselves, and what it has handed on. */
function start(clock: HandClock, stored = new Map<string, Kept>()) {
  const said: string[] = []
  const place = { refuses: false, forgotten: [] as string[] }
  const time = (ms: number) => iso(ms)!.slice(11)
  const scheduler = startScheduler({
    who: 'm',
    clock,
    kept: new Map(stored),
    async take({ name }, { runs, skips, kept }) {
      if (place.refuses) throw new Error('the store is away')
      stored.set(name, kept)
      for (const { slot } of runs) said.push(`${name} ran ${time(slot)} at ${time(clock.now())}`)
      for (const { reason, from, count } of skips) said.push(`${name} ${reason} ${time(from)} x${count}`)
    },
    async forget(name) {
      place.forgotten.push(name)
    },
    log: silentLog,
  })
  running = scheduler
  const use = (all: Record<string, Record<string, unknown>>, enabled = true) =>
    scheduler.use(new Map(Object.entries(all).map(([name, given]) => [name, { ...entry(given), name }])), enabled)
  const take = () => said.splice(0)
  return { scheduler, use, take, place, stored }
}

describe('a scheduler', () => {
  it('runs entries at their times', async () => {
    const clock = createHandClock(NOON)
    const { use, take, scheduler } = start(clock)
    use({ a: { seconds: 20, maxrunning: 9 }, b: { when: '12:00:30' } })
    await clock.turn(MINUTE)
    expect(take()).toEqual([
      'a ran 12:00:20 at 12:00:20',
      'b ran 12:00:30 at 12:00:30',
      'a ran 12:00:40 at 12:00:40',
      'a ran 12:01:00 at 12:01:00',
    ])
    expect([scheduler.next('a'), scheduler.next('b'), scheduler.next('c')].map(ms => iso(ms))).toEqual([
      '2026-11-22 12:01:20',
      '2026-11-23 12:00:30',
      undefined,
    ])
  })

  it('goes on after a restart where it was: intervals too', async () => {
    const clock = createHandClock(NOON)
    const first = start(clock)
    first.use({ a: { minutes: 2 } })
    await clock.turn(MINUTE)
    await first.scheduler.stop()
    const second = start(clock, first.stored)
    second.use({ a: { minutes: 2 } })
    await clock.turn(MINUTE)
    expect(second.take()).toEqual(['a ran 12:02:00 at 12:02:00'])
  })

  it('counts anew where an entry is due at other times, and not where something else of it changes', async () => {
    const clock = createHandClock(NOON)
    const { use, scheduler } = start(clock)
    use({ a: { minutes: 2 } })
    await clock.turn(MINUTE)
    use({ a: { minutes: 2, args: [1] } })
    expect(iso(scheduler.next('a'))).toBe('2026-11-22 12:02:00')
    use({ a: { minutes: 3 } })
    expect(iso(scheduler.next('a'))).toBe('2026-11-22 12:04:00')
  })

  it('skips what is beyond maxrunning until a run has ended, and tells it once', async () => {
    const clock = createHandClock(NOON)
    const { use, take, scheduler } = start(clock)
    use({ a: { seconds: 10 } })
    await clock.turn(35_000)
    expect(take()).toEqual(['a ran 12:00:10 at 12:00:10', 'a maxrunning 12:00:20 x1'])
    scheduler.ended('a', NOON + 10_000)
    await clock.turn(10_000)
    expect(take()).toEqual(['a ran 12:00:40 at 12:00:40', 'a maxrunning 12:00:20 x2'])
    expect(scheduler.kept('a')).toMatchObject({
      ran: { slot: NOON + 40_000 },
      skipped: { reason: 'maxrunning', count: 2, over: true },
    })
  })

  it('counts no runs that are not to be counted', async () => {
    const clock = createHandClock(NOON)
    const { use, take } = start(clock)
    use({ a: { seconds: 10, jid_include: false } })
    await clock.turn(30_000)
    expect(take()).toHaveLength(3)
  })

  it('runs when it starts, once for each start, where an entry is to', async () => {
    const clock = createHandClock(NOON)
    const first = start(clock)
    first.use({ a: { hours: 1, run_on_start: true, maxrunning: 5 } })
    await clock.turn(1000)
    first.use({ a: { hours: 1, run_on_start: true, maxrunning: 5 }, b: { hours: 1 } })
    await clock.turn(1000)
    expect(first.take()).toEqual(['a ran 12:00:00 at 12:00:00'])
    await first.scheduler.stop()
    const second = start(clock, first.stored)
    second.use({ a: { hours: 1, run_on_start: true, maxrunning: 5 } })
    await clock.turn(1000)
    expect(second.take()).toEqual(['a ran 12:00:02 at 12:00:02'])
  })

  it('tries again what could not be taken', async () => {
    const clock = createHandClock(NOON)
    const { use, take, place } = start(clock)
    use({ a: { minutes: 1 } })
    await clock.turn(0)
    place.refuses = true
    await clock.turn(MINUTE)
    place.refuses = false
    await clock.turn(5000)
    expect(take()).toEqual(
      ['a ran 12:01:00 at 12:01:00'].map(() => expect.stringMatching(/^a ran 12:01:00 at 12:01:0[0-4]$/)),
    )
  })

  it('runs at once what is asked for, and leaves its times alone', async () => {
    const clock = createHandClock(NOON)
    const { use, take, scheduler } = start(clock)
    use({ a: { minutes: 1, enabled: false, maxrunning: 3 } })
    await clock.turn(10_000)
    expect(await scheduler.run('a')).toBe(true)
    expect(await scheduler.run('nope')).toBe(false)
    expect(take()).toEqual(['a ran 12:00:10 at 12:00:10'])
    expect(iso(scheduler.next('a'))).toBe('2026-11-22 12:01:00')
  })

  it('holds all of it back while it is disabled, and goes on without catching up', async () => {
    const clock = createHandClock(NOON)
    const { use, take } = start(clock)
    const entries = { a: { minutes: 1, catch_up: 'all' } }
    use(entries, false)
    await clock.turn(10 * MINUTE)
    expect(take()).toEqual(['a disabled 12:01:00 x1'])
    use(entries)
    await clock.turn(MINUTE)
    expect(take()).toEqual(['a ran 12:11:00 at 12:11:00', 'a disabled 12:01:00 x10'])
  })

  it('forgets entries that are gone', async () => {
    const clock = createHandClock(NOON)
    const { use, take, place } = start(clock)
    use({ a: { minutes: 1 }, b: { minutes: 1 } })
    use({ b: { minutes: 1 } })
    await clock.turn(MINUTE)
    expect(take()).toEqual(['b ran 12:01:00 at 12:01:00'])
    expect(place.forgotten).toEqual(['a'])
  })

  it('hears of a clock that was set, forward or back', async () => {
    const clock = createHandClock(NOON)
    const { use, take, scheduler } = start(clock)
    use({ a: { minutes: 1, maxrunning: 99 }, b: { when: '18:00' } })
    await clock.turn(10_000)
    clock.set(NOON + 7 * 3_600_000)
    await clock.turn(31_000)
    expect(take().sort()).toEqual([expect.stringMatching(/^a missed 12:01:00 x\d+$/), 'b missed 18:00:00 x1'])
    await clock.turn(MINUTE)
    expect(take()).toHaveLength(1)
    clock.set(NOON)
    await clock.turn(31_000 + MINUTE)
    expect(take().filter(line => line.startsWith('a ran 12:0')).length).toBeGreaterThan(0)
    // It was passed over while the clock was ahead, and comes in its time.
    expect(iso(scheduler.next('b'))).toBe('2026-11-22 18:00:00')
  })

  it('hears of a clock that was set back while it was stopped', async () => {
    const clock = createHandClock(NOON)
    const first = start(clock)
    first.use({ a: { minutes: 1 }, b: { when: '18:00' } })
    await clock.turn(10_000)
    clock.set(NOON + 7 * 3_600_000)
    await clock.turn(31_000)
    await first.scheduler.stop()
    clock.set(NOON)
    const second = start(clock, first.stored)
    second.use({ a: { minutes: 1 }, b: { when: '18:00' } })
    await clock.turn(MINUTE)
    expect(second.take()).toEqual(['a ran 12:01:00 at 12:01:00'])
    expect(iso(second.scheduler.next('b'))).toBe('2026-11-22 18:00:00')
  })
})
