import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatStamp, parseStamp } from '../../src/protocol/event.ts'

const STORED = Date.UTC(2026, 10, 20, 9, 18, 20, 838)
const STAMP = '2026-11-20T09:18:20.838387'

describe('a stamp', () => {
  it('comes back with its microseconds', () => {
    const micros = fc.integer({ min: 0, max: 4_000_000_000_000_000 })
    fc.assert(
      fc.property(micros, micro => {
        const stamp = formatStamp(micro / 1000)
        expect(stamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/)
        expect(Math.round(parseStamp(stamp) * 1000)).toBe(micro)
        expect(formatStamp(parseStamp(stamp))).toBe(stamp)
      }),
      { numRuns: 2000 },
    )
    expect(formatStamp(parseStamp(STAMP))).toBe(STAMP)
  })

  it.each([
    ['2026-11-20T09:18:20.838387', STORED + 0.387],
    ['2026-11-20T09:18:20.838387Z', STORED + 0.387],
    ['2026-11-20T11:18:20.838+02:00', STORED],
    ['2026-11-20T04:18:20.838-0500', STORED],
    ['2026-11-20T09:18:20', STORED - 838],
  ])('reads %s', (stamp, ms) => {
    expect(parseStamp(stamp)).toBeCloseTo(ms, 3)
  })

  it.each(['', 'now', '1', '2026', '2026-11-20', '2026-11-20T09:18', '2026-11-20T25:00:00', `${STAMP}+2`])(
    'reads %j as none',
    text => {
      expect(parseStamp(text)).toBeNaN()
    },
  )
})
