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

  it('says when it ends', () => {
    const night = readWindow({ start: '22:00', end: '6:00' }, 'UTC')
    expect(iso(night.endsAt(at('2026-11-22 23:00')))).toBe('2026-11-23 06:00:00')
    expect(iso(night.endsAt(at('2026-11-23 06:00')))).toBe('2026-11-23 06:00:00')
  })
})
