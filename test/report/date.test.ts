import fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createJidSource } from '../../src/protocol/jid.ts'
import { readDate } from '../../src/report/date.ts'
import { startTime } from '../../src/report/jid.ts'

const NOW = Date.UTC(2026, 10, 21, 14, 20, 0)
const day = Date.UTC(2026, 10, 20)
const minute = Date.UTC(2026, 10, 20, 9, 18)
const second = Date.UTC(2026, 10, 20, 9, 18, 43)

describe('a date', () => {
  it.each<[string, number]>([
    ['2026-11-20', day],
    ['2026/11/20', day],
    ['20261120', day],
    ['20261120091843', second],
    ['20261120T091843', second],
    ['2026-11-20 09:18', minute],
    ['2026-11-20T09:18:43Z', second],
    ['2026-11-20T09:18:43.644180', second + 644.18],
    ['2026-11-20T11:18+02:00', minute],
    ['2026-11-20 04:18 -0500', minute],
    ['2026, Nov 20 09:18:43.644180', second + 644.18],
    ['2026, Nov 20 9:18', minute],
    ['Nov 20, 2026', day],
    ['November 20th 2026 9:18 am', minute],
    ['20 Nov 2026', day],
    ['Fri Nov 20 2026 09:18 UTC', minute],
    ['11/20/2026', day],
    ['20.11.2026', day],
    ['3/4/2026', Date.UTC(2026, 2, 4)],
    ['11/20/2026 12:00 pm', Date.UTC(2026, 10, 20, 12)],
    ['11/20/2026 12:00 AM', day],
    ['20261120091843644180', second + 644.18],
    ['09:18', Date.UTC(2026, 10, 21, 9, 18)],
    ['2h', NOW - 7_200_000],
    ['1d12h', NOW - 129_600_000],
    [' 2026-11-20 ', day],
  ])('may be written %s', (text, ms) => {
    expect(readDate(text, NOW, 'utc')).toBe(ms)
  })

  it.each([
    '',
    'yesterdayish',
    '2026',
    '5',
    'Nov 2026',
    'Nov 20',
    '2026-13-01',
    '2026-02-30',
    '2026-11-20 24:01',
    '2026-11-20 09:61',
    '2026-11-20 13:00 pm',
    '2026-11-20 09:18+99:00',
    '20-11-26',
    '99999999999999999999',
    '1800-01-01',
    '2026-11-20 09:18 CET',
  ])('that is %j is refused with examples', text => {
    expect(() => readDate(text, NOW, 'utc')).toThrow(
      expect.objectContaining({
        code: 'bad_argument',
        message: expect.stringMatching(/^'.*' is not a date: write for example 2026-11-20/),
      }),
    )
  })

  it('that Salt prints for a jid is read back to the time of the jid', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4_000_000_000_000 }), ms => {
        const jid = createJidSource(() => ms)()
        expect(Math.abs(readDate(startTime(jid), NOW, 'utc') - readDate(jid, NOW, 'utc'))).toBeLessThan(0.001)
      }),
    )
  })
})

describe('a date here', () => {
  afterEach(() => void vi.unstubAllEnvs())

  it.each<[string, number]>([
    ['2026-11-20', day - 5.5 * 3_600_000],
    ['20261120091843', second - 5.5 * 3_600_000],
    ['2026-11-20 09:18', minute - 5.5 * 3_600_000],
    // It is the 22nd there by then.
    ['00:30', Date.UTC(2026, 10, 21, 19)],
    ['2026-11-20 09:18 UTC', minute],
    ['2026-11-20T11:18+02:00', minute],
    ['20261120091843644180', second + 644.18],
    ['2h', NOW + 6 * 3_600_000 - 7_200_000],
  ])('may be written %s', (text, ms) => {
    vi.stubEnv('TZ', 'Asia/Kolkata')
    expect(readDate(text, NOW + 6 * 3_600_000, 'local')).toBe(ms)
  })
})
