import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Entry } from '../../src/schedule/entry.ts'
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
