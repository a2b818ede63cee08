import fc from 'fast-check'
import { DateTime } from 'luxon'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { readPhrase } from '../../src/schedule/phrase.ts'
import { parseTime } from '../../src/schedule/strptime.ts'
import { at, iso } from './helpers.ts'

const NOW = at('2026-11-22 12:00') // a Sunday
const next = (text: string, from = NOW, zone = 'UTC') => iso(readPhrase(text, zone).next(from), zone)
const last = (text: string, from = NOW, zone = 'UTC') => iso(readPhrase(text, zone).last(from), zone)

describe('a time as people write it', () => {
  it.each([
    ['5:00pm', '2026-11-22 17:00:00'],
    ['17:00', '2026-11-22 17:00:00'],
    ['5pm', '2026-11-22 17:00:00'],
    ['5 PM', '2026-11-22 17:00:00'],
    ['11:59:30 am', '2026-11-23 11:59:30'],
    ['12:00', '2026-11-23 12:00:00'],
  ])('%s comes every day', (text, expected) => {
    expect(next(text)).toBe(expected)
    expect(readPhrase(text, 'UTC').dated).toBe(false)
  })

  it.each([
    ['Monday 5:00pm', '2026-11-23 17:00:00'],
    ['mon 17:00', '2026-11-23 17:00:00'],
    ['Sunday at 11:00', '2026-11-29 11:00:00'],
    ['sunday, 1pm', '2026-11-22 13:00:00'],
    ['Tues', '2026-11-24 00:00:00'],
  ])('%s comes every week', (text, expected) => {
    expect(next(text)).toBe(expected)
    expect(readPhrase(text, 'UTC').dated).toBe(false)
  })

  it.each([
    ['2026-12-24 18:00', '2026-12-24 18:00:00'],
    ['2026-12-24T18:00:00', '2026-12-24 18:00:00'],
    ['2026-12-24T18:00+02:00', '2026-12-24 16:00:00'],
    ['2026-12-24T18:00:00.000Z', '2026-12-24 18:00:00'],
    ['Dec 24, 2026 6:00pm', '2026-12-24 18:00:00'],
    ['24 December 2026 18:00', '2026-12-24 18:00:00'],
    ['Thursday, Dec 24 2026 6pm', '2026-12-24 18:00:00'],
    ['12/24/2026 18:00', '2026-12-24 18:00:00'],
    ['2026-12-24', '2026-12-24 00:00:00'],
  ])('%s comes once', (text, expected) => {
    expect(next(text)).toBe(expected)
    expect(readPhrase(text, 'UTC').dated).toBe(true)
    expect(next(text, at('2027-01-01 00:00'))).toBeUndefined()
    expect(last(text, at('2027-01-01 00:00'))).toBe(expected)
    expect(last(text)).toBeUndefined()
  })

  it('is on the wall clock of its zone', () => {
    expect(next('5:00pm', NOW, 'America/New_York')).toBe('2026-11-22 17:00:00')
    expect(next('2026-12-24 18:00', NOW, 'Asia/Tokyo')).toBe('2026-12-24 18:00:00')
  })

  it('was the last time what it will not be again before', () => {
    expect(last('5:00pm')).toBe('2026-11-21 17:00:00')
    expect(last('11:00')).toBe('2026-11-22 11:00:00')
    expect(last('12:00')).toBe('2026-11-22 12:00:00')
    expect(last('Monday 5pm')).toBe('2026-11-16 17:00:00')
  })

  it('comes when the clock leaps over it on the day that leaves it out, and once on the day that has it twice', () => {
    const berlin = (text: string, from: string) => next(text, at(from, 'Europe/Berlin'), 'Europe/Berlin')
    expect(berlin('2:30', '2026-03-28 03:00')).toBe('2026-03-29 03:00:00')
    expect(berlin('2:30', '2026-03-29 04:00')).toBe('2026-03-30 02:30:00')
    const first = readPhrase('2:30', 'Europe/Berlin').next(at('2026-10-24 03:00', 'Europe/Berlin'))
    expect(first).toBe(at('2026-10-25 00:30'))
    expect(berlin('2:30', '2026-10-25 03:00')).toBe('2026-10-26 02:30:00')
    expect(readPhrase('2:30', 'Europe/Berlin').next(first!)).toBe(at('2026-10-26 01:30'))
  })

  it.each([
    '',
    'soon',
    '25:00',
    '13pm',
    '2026-02-30',
    '30 Februar 2026',
    'Nov 22 5pm',
    'Monday 2026-11-24',
    '2026-02-30T10:00',
    '5',
  ])('%j is none, and it says which there are', text => {
    expect(() => readPhrase(text, 'UTC')).toThrow(/is no time: .*; times are such as '5:00pm', '17:00'/)
  })
})

describe('a date', () => {
  afterEach(() => void vi.useRealTimers())

  it.each(['2026-01-15', '2026-07-15'])('that comes twice is the first of the two, read on %s', today => {
    vi.useFakeTimers({ now: at(today) })
    const first = at('2026-10-25 00:30')
    expect(readPhrase('2026-10-25 02:30', 'Europe/Berlin').next(0)).toBe(first)
    expect(readPhrase('2026-10-25T02:30:00', 'Europe/Berlin').next(0)).toBe(first)
    expect(parseTime('25.10.2026 02:30', '%d.%m.%Y %H:%M', 'Europe/Berlin')).toBe(first)
    expect(readPhrase('2026-10-25T02:30+01:00', 'Europe/Berlin').next(0)).toBe(at('2026-10-25 01:30'))
    expect(parseTime('2026-10-25 02:30+0000', '%Y-%m-%d %H:%M%z', 'Europe/Berlin')).toBe(at('2026-10-25 02:30'))
  })

  it('needs a year: read again tomorrow it would be another', () => {
    expect(() => parseTime('17:00', '%H:%M', 'UTC')).toThrow("'%H:%M' says no date: write the year too")
    expect(() => parseTime('22.11.', '%d.%m.%%Y', 'UTC')).toThrow('says no date')
  })
})

const MINUTE = 60_000
const DAY = 1440 * MINUTE

describe.each([
  ['Europe/Berlin', '2026-03-29'],
  ['Europe/Berlin', '2026-10-25'],
  ['Australia/Lord_Howe', '2026-04-05'],
  ['Australia/Lord_Howe', '2026-10-04'],
  ['America/Santiago', '2026-09-06'],
  ['America/Havana', '2026-11-01'],
  ['America/Nuuk', '2026-03-29'],
  ['Atlantic/Azores', '2026-10-25'],
  ['Pacific/Apia', '2011-12-30'],
])('in %s around %s', (zone, day) => {
  const middle = at(day)
  const from = middle - 9 * DAY
  const walls = Array.from({ length: 18 * 1440 }, (_, n) => {
    const ms = from + n * MINUTE
    return ms + DateTime.fromMillis(ms, { zone }).offset * MINUTE
  })
  /** When the clock first shows that minute of each day, or a later one. */
  const comings = (minuteOfDay: number, weekday: number | undefined) => {
    const found: number[] = []
    let date = Math.floor(walls[0]! / DAY) + 1
    for (const [n, wall] of walls.entries()) {
      for (; wall >= date * DAY + minuteOfDay * MINUTE; date += 1) {
        const isMeant = weekday === undefined || ((date + 3) % 7) + 1 === weekday
        if (isMeant) found.push(from + n * MINUTE)
      }
    }
    return found
  }

  it.each([
    ['', undefined],
    ['Friday', 5],
    ['Saturday', 6],
    ['Sunday', 7],
  ])('%s a time comes once for each day, when the clock first shows it or leaps over it', (name, weekday) => {
    fc.assert(
      fc.property(
        fc.constantFrom(0, 15, 30, 60, 90, 105, 120, 135, 150, 180, 720, 1380, 1410, 1439),
        fc.integer({ min: -DAY, max: DAY }),
        (minute, offset) => {
          const text = `${name} ${Math.floor(minute / 60)}:${String(minute % 60).padStart(2, '0')}`
          const phrase = readPhrase(text, zone)
          const all = comings(minute, weekday)
          const ms = middle + offset
          const next = all.find(one => one > ms)
          const last = all.findLast(one => one <= ms)
          expect(iso(phrase.next(ms))).toBe(iso(next))
          expect(iso(phrase.last(ms))).toBe(iso(last))
          expect(phrase.next(last!)).toBe(next)
          expect(phrase.last(next! - 1)).toBe(last)
        },
      ),
      { numRuns: 40 },
    )
  })
})
