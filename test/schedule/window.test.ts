import fc from 'fast-check'
import { DateTime } from 'luxon'
import { describe, expect, it } from 'vitest'
import { readWindow } from '../../src/schedule/window.ts'
import { at, iso } from './helpers.ts'

const within = (start: string, end: string, time: string) => readWindow({ start, end }, 'UTC').contains(at(time))

describe('a range', () => {
  it('has both of its ends', () => {
    const times = ['07:59:59', '08:00:00', '12:00:00', '17:00:00', '17:00:01']
    expect(times.map(time => within('8:00am', '5:00pm', `2026-11-22 ${time}`))).toEqual([
      false,
      true,
      true,
      true,
      false,
    ])
  })

  it('goes over midnight', () => {
    const times = ['2026-11-22 21:00', '2026-11-22 23:00', '2026-11-23 05:59', '2026-11-23 06:01']
    expect(times.map(time => within('22:00', '6:00', time))).toEqual([false, true, true, false])
  })

  it('goes over the weekend', () => {
    const times = ['2026-11-20 17:00', '2026-11-20 19:00', '2026-11-22 12:00', '2026-11-23 05:00', '2026-11-23 07:00']
    expect(times.map(time => within('Friday 6pm', 'Monday 6am', time))).toEqual([false, true, true, true, false])
  })

  it('lies between two dates', () => {
    const times = ['2026-11-21 23:00', '2026-11-22 12:00', '2026-11-24 00:00']
    expect(times.map(time => within('2026-11-22', '2026-11-23', time))).toEqual([false, true, false])
  })

  it('is no longer on a day whose clock leaps over an end of it', () => {
    const range = readWindow({ start: '2:30', end: '3:15' }, 'Europe/Berlin')
    const times = ['2026-03-29 03:00', '2026-03-29 03:15', '2026-03-29 03:16', '2026-03-29 12:00', '2026-03-30 02:45']
    expect(times.map(time => range.contains(at(time, 'Europe/Berlin')))).toEqual([true, true, false, false, true])
  })

  it('is what it is on other days where the clock leaps over both of its ends', () => {
    const berlin = (start: string, end: string, time: string) =>
      readWindow({ start, end }, 'Europe/Berlin').contains(at(time, 'Europe/Berlin'))
    expect(berlin('2:30', '2:00', '2026-03-29 03:05')).toBe(true)
    expect(berlin('2:00', '2:30', '2026-03-29 03:05')).toBe(false)
  })

  it('holds what the clock shows between its ends, whatever the clock does', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('2026-03-29', '2026-06-01', '2026-10-25', '2026-12-31'),
        fc.integer({ min: 0, max: 24 * 12 - 1 }),
        fc.array(fc.integer({ min: 0, max: 47 }), { minLength: 2, maxLength: 2 }),
        (day, step, [from = 0, to = 0]) => {
          fc.pre(from !== to)
          const time = (half: number) => `${Math.floor(half / 2)}:${half % 2 ? '30' : '00'}`
          const ms = at(day, 'Europe/Berlin') + step * 300_000
          const shown = DateTime.fromMillis(ms, { zone: 'Europe/Berlin' })
          // Of an hour that comes twice the first is meant: what is shown says not which of the two it is.
          fc.pre(shown.getPossibleOffsets().length === 1)
          const minute = shown.hour * 60 + shown.minute
          const isIn = from < to ? minute >= from * 30 && minute <= to * 30 : minute >= from * 30 || minute <= to * 30
          const range = readWindow({ start: time(from), end: time(to) }, 'Europe/Berlin')
          // The moment of the leap is that of all the times that are leapt over.
          if (iso(ms) !== '2026-03-29 01:00:00') expect(range.contains(ms)).toBe(isIn)
          if (range.contains(ms)) expect(range.endsAt(ms)).toBeGreaterThanOrEqual(ms)
        },
      ),
    )
  })

  it('of no length is none', () => {
    expect(() => within('8:00', '8:00am', '2026-11-22 08:00')).toThrow('both are the same time; for a whole day write')
  })

  it('says when it ends', () => {
    const night = readWindow({ start: '22:00', end: '6:00' }, 'UTC')
    expect(iso(night.endsAt(at('2026-11-22 23:00')))).toBe('2026-11-23 06:00:00')
    expect(iso(night.endsAt(at('2026-11-23 06:00')))).toBe('2026-11-23 06:00:00')
  })
})
