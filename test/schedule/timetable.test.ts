import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Entry } from '../../src/schedule/entry.ts'
import { handledOf } from '../../src/schedule/handled.ts'
import { advance, GRACE_MS, type Kept, keptAnew, MOST_CAUGHT_UP, nextDue } from '../../src/schedule/timetable.ts'
import { at, entry, iso } from './helpers.ts'

const NOON = at('2026-11-22 12:00')
const HOUR = 3_600_000

/** What became of the slots: `run 12:00:05`, `missed 12:00:05-12:00:10 x2`. */
function due(of: Entry, kept: Kept, now: number, enabled = true) {
  const { handled, kept: after } = advance(of, kept, now, { who: 'm', enabled })
  const time = (ms: number) => iso(ms)!.slice(11)
  const said = handled.map(one =>
    one.kind === 'run'
      ? `run ${time(one.slot)}`
      : `${one.reason} ${time(one.from)}${one.count > 1 ? `-${time(one.to)} x${one.count}` : ''}`,
  )
  return { said, after }
}
const from = (of: Entry, now = NOON) => keptAnew(of, now)

describe('a timetable', () => {
  it('runs each slot once, on its time or a little late', () => {
    const five = entry({ seconds: 5 })
    const first = due(five, from(five), NOON + 5000)
    expect(first.said).toEqual(['run 12:00:05'])
    expect(due(five, first.after, NOON + 9999).said).toEqual([])
    // Somebody else took over.
    expect(due(five, first.after, NOON + 17_000).said).toEqual(['run 12:00:10', 'run 12:00:15'])
  })

  it('does not run what was due while nothing ran, and says what it was', () => {
    const five = entry({ seconds: 5 })
    const { said, after } = due(five, from(five), NOON + HOUR)
    expect(said).toEqual(['missed 12:00:05-13:00:00 x720'])
    expect(due(five, after, NOON + HOUR + 5000).said).toEqual(['run 13:00:05'])
  })

  it('runs the last of it, or all of it, where it is to catch up', () => {
    const last = entry({ minutes: 20, catch_up: 'last' })
    expect(due(last, from(last), NOON + HOUR + 1000).said).toEqual(['missed 12:20:00-12:40:00 x2', 'run 13:00:00'])
    const all = entry({ minutes: 20, catch_up: 'all' })
    expect(due(all, from(all), NOON + HOUR + 1000).said).toEqual(['run 12:20:00', 'run 12:40:00', 'run 13:00:00'])
    const once = entry({ once: '2026-11-22 12:30', catch_up: 'last' })
    expect(due(once, from(once), NOON + HOUR).said).toEqual(['run 12:30:00'])
    const lost = entry({ once: '2026-11-22 12:30' })
    expect(due(lost, from(lost), NOON + HOUR).said).toEqual(['missed 12:30:00'])
  })

  it('catches up with so many at once', () => {
    const all = entry({ seconds: 1, catch_up: 'all' })
    const { said } = due(all, from(all), NOON + HOUR)
    expect(said).toHaveLength(MOST_CAUGHT_UP + 1)
    expect(said[0]).toBe('too_many 12:00:01-12:43:20 x2600')
    expect(said.at(-1)).toBe('run 13:00:00')
  })

  it('holds slots back for the reasons that there are', () => {
    const ranged = entry({ minutes: 30, range: { start: '12:00', end: '12:30' } })
    expect(due(ranged, from(ranged, NOON - HOUR), NOON - HOUR / 2).said).toEqual(['not_in_range 11:30:00'])
    expect(due(ranged, from(ranged), NOON + HOUR / 2).said).toEqual(['run 12:30:00'])
    const inverted = entry({ minutes: 30, range: { start: '12:00', end: '12:30', invert: true } })
    expect(due(inverted, from(inverted), NOON + HOUR / 2).said).toEqual(['not_in_range 12:30:00'])
    const skipped = entry({ minutes: 30, skip_during_range: { start: '12:00', end: '12:30' } })
    expect(due(skipped, from(skipped), NOON + HOUR / 2).said).toEqual(['in_skip_range 12:30:00'])
    const off = entry({ minutes: 30, enabled: false })
    expect(due(off, from(off), NOON + HOUR / 2).said).toEqual(['disabled 12:30:00'])
    const on = entry({ minutes: 30 })
    expect(due(on, from(on), NOON + HOUR / 2, false).said).toEqual(['disabled 12:30:00'])
  })

  it('runs once after a range in which it was skipped', () => {
    const entryOf = entry({
      minutes: 10,
      skip_during_range: { start: '12:05', end: '12:35' },
      run_after_skip_range: true,
    })
    let kept = from(entryOf)
    const said: string[] = []
    for (let now = NOON; now <= NOON + HOUR; now += 1000) {
      const step = due(entryOf, kept, now)
      said.push(...step.said)
      kept = step.after
    }
    expect(said).toEqual([
      'in_skip_range 12:10:00',
      'in_skip_range 12:20:00',
      'in_skip_range 12:30:00',
      'run 12:35:01',
      'run 12:40:00',
      'run 12:50:00',
      'run 13:00:00',
    ])
  })

  it('skips a slot that somebody named, and runs at a time that somebody named', () => {
    const hourly = entry({ hours: 1 })
    const kept = { ...from(hourly), skip: [NOON + HOUR], extra: [NOON + HOUR + 60_000] }
    const first = due(hourly, kept, NOON + HOUR)
    expect(first.said).toEqual(['skip_explicit 13:00:00'])
    expect(first.after.skip).toEqual([])
    expect(nextDue(hourly, first.after, 'm')?.due).toBe(NOON + HOUR + 60_000)
    const second = due(hourly, first.after, NOON + HOUR + 60_000)
    expect(second.said).toEqual(['run 13:01:00'])
    expect(due(hourly, second.after, NOON + 2 * HOUR).said).toEqual(['run 14:00:00'])
  })

  it('waits for the splay of a slot', () => {
    const splayed = entry({ minutes: 1, splay: { start: 20, end: 40 } })
    const kept = from(splayed)
    const { due: first } = nextDue(splayed, kept, 'm')!
    expect(first).toBeGreaterThanOrEqual(NOON + 80_000)
    expect(first).toBeLessThanOrEqual(NOON + 100_000)
    expect(due(splayed, kept, first - 1).said).toEqual([])
    expect(due(splayed, kept, first).said).toEqual(['run 12:01:00'])
  })

  it('goes on at its interval where the clock is set back by hours', () => {
    const five = entry({ seconds: 5 })
    const kept = { ...from(five), last: NOON }
    const { after } = due(five, kept, NOON - 3 * HOUR)
    expect(nextDue(five, after, 'm')?.due).toBe(NOON - 3 * HOUR + 5000)
  })

  it('runs a slot once, though another is moved to it', () => {
    const hourly = entry({ hours: 1, splay: 60 })
    const kept = { ...from(hourly), extra: [NOON + HOUR] }
    const first = advance(hourly, kept, NOON + HOUR, { who: 'm', enabled: true })
    expect(first.handled.map(({ kind }) => kind)).toEqual(['run'])
    const { kept: ran } = handledOf(hourly, first.kept, first.handled, new Set(), NOON + HOUR)
    expect(due(hourly, ran, NOON + HOUR + 60_000).said).toEqual([])
    const unsplayed = entry({ hours: 1 })
    expect(due(unsplayed, { ...from(unsplayed), extra: [NOON + HOUR] }, NOON + HOUR).said).toEqual(['run 13:00:00'])
  })

  it('forgets a slot that was not to run and never was one', () => {
    const hourly = entry({ hours: 1 })
    const kept = { ...from(hourly), skip: [NOON + 60_000, NOON + 2 * HOUR] }
    expect(due(hourly, kept, NOON + HOUR).after.skip).toEqual([NOON + 2 * HOUR])
  })

  it('catches up with no more than that of times on the wall clock either', () => {
    const all = entry({ cron: '* * * * *', catch_up: 'all' })
    const { handled, kept } = advance(all, from(all), NOON + 240 * HOUR, { who: 'm', enabled: true })
    expect(handled).toHaveLength(MOST_CAUGHT_UP + 1)
    expect(handled[0]).toMatchObject({ kind: 'skip', reason: 'too_many', from: NOON + 60_000 })
    expect(kept.last).toBe(NOON + 240 * HOUR)
  })

  it('runs what was passed over while the clock was ahead, and nothing twice', () => {
    const daily = entry({ cron: '30 13 * * *' })
    const look = (kept: Kept, now: number) => {
      const { handled, kept: after } = advance(daily, kept, now, { who: 'm', enabled: true })
      const whole = handledOf(daily, after, handled, new Set(), now)
      return {
        said: [...whole.runs, ...whole.skips].map(one => ('slot' in one ? one.slot : one.reason)),
        kept: whole.kept,
      }
    }
    const today = NOON + 1.5 * HOUR
    const first = look(from(daily), today)
    expect(first.said).toEqual([today])
    const ahead = look(first.kept, NOON + 60 * HOUR)
    expect(ahead.said).toEqual(['missed'])
    const back = look(ahead.kept, today - HOUR / 2)
    expect(back.said).toEqual([])
    expect(nextDue(daily, back.kept, 'm')?.due).toBe(today + 24 * HOUR)
    // A clock that was a year ahead ran a slot that is not for today.
    const year = look(look(back.kept, today + 364 * 24 * HOUR - 1000).kept, today + 364 * 24 * HOUR)
    expect(year.said).toContain(today + 364 * 24 * HOUR)
    const home = look(year.kept, today + HOUR)
    expect(nextDue(daily, home.kept, 'm')?.due).toBe(today + 24 * HOUR)
  })

  it('runs each time of a wall clock once over a year with changes of the clock, whenever it is looked at', () => {
    fc.assert(
      fc.property(
        fc.constantFrom<Record<string, unknown>>(
          { cron: '30 2 * * *' },
          { cron: '0 0 * * *', splay: 600 },
          { when: ['0:00', '2:30', 'Sunday 3:00'] },
          { when: ['2:15', '2:45'], splay: 60 },
        ),
        fc.constantFrom('Europe/Berlin', 'America/Santiago', 'Australia/Lord_Howe', 'America/Havana'),
        fc.array(fc.integer({ min: 60_000, max: 20 * HOUR }), { minLength: 100, maxLength: 100 }),
        (times, timezone, steps) => {
          const of = entry({ ...times, timezone, catch_up: 'all' })
          const begin = at('2026-08-25 00:00')
          let kept = keptAnew(of, begin)
          let now = begin
          const ran: number[] = []
          for (const step of steps) {
            now += step
            const { handled, kept: after } = advance(of, kept, now, { who: 'm', enabled: true })
            for (const one of handled) ran.push(one.kind === 'run' ? one.slot : Number.NaN)
            kept = after
          }
          const expected: number[] = []
          for (let ms = of.times.next(begin, begin)!; ms <= kept.last; ms = of.times.next(ms, begin)!) expected.push(ms)
          expect(ran).toEqual(expected)
          expect(nextDue(of, kept, 'm')!.due).toBeGreaterThan(now)
        },
      ),
      { numRuns: 25 },
    )
  })

  it('handles every slot exactly once, whenever it is looked at, and runs none early', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 40_000 }), { minLength: 1, maxLength: 60 }),
        fc.constantFrom('none', 'last', 'all'),
        fc.integer({ min: 0, max: 6 }),
        (steps, catch_up, splay) => {
          const of = entry({ seconds: 7, catch_up, ...(splay > 0 ? { splay } : {}) })
          let kept = from(of)
          let now = NOON
          let slots = 0
          for (const step of steps) {
            now += step
            const { handled, kept: after } = advance(of, kept, now, { who: 'm', enabled: true })
            for (const one of handled) {
              if (one.kind === 'run') expect(one.due).toBeLessThanOrEqual(now)
              slots += one.kind === 'run' ? 1 : one.count
            }
            const lateOnes = handled.filter(one => one.kind === 'run' && one.due < now - GRACE_MS).length
            if (catch_up === 'none') expect(lateOnes).toBe(0)
            if (catch_up === 'last') expect(lateOnes).toBeLessThanOrEqual(1)
            if (catch_up === 'all') expect(handled.every(one => one.kind === 'run')).toBe(true)
            kept = after
          }
          expect(slots).toBe((kept.last - NOON) / 7000)
          const next = nextDue(of, kept, 'm')!
          expect(next.due).toBeGreaterThan(now)
        },
      ),
    )
  })
})
