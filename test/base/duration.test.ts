import { describe, expect, it } from 'vitest'
import { formatDuration, parseDuration } from '../../src/base/duration.ts'

describe('a duration', () => {
  it.each([
    ['500ms', 500],
    ['30s', 30_000],
    ['5m', 300_000],
    ['1.5h', 5_400_000],
    ['1h30m', 5_400_000],
    ['2d', 172_800_000],
    ['1w', 604_800_000],
    ['10', 10_000],
    ['0', 0],
    [2.5, 2500],
  ])('of %s is %d ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms)
  })

  it.each(['', 'soon', '-5s', '5 m', '5x', '1e3', '5M', 'm5', -1, Number.NaN, Number.POSITIVE_INFINITY])(
    'is not %s, which is refused with what to write',
    text => {
      expect(() => parseDuration(text)).toThrow(
        expect.objectContaining({
          code: 'bad_argument',
          message: expect.stringMatching(/is not a duration: write.*30s/),
        }),
      )
    },
  )

  it.each([
    [850, '850ms'],
    [1500, '1.5s'],
    [12_000, '12s'],
    [300_000, '5m'],
    [10_800_000, '3h'],
    [259_200_000, '3d'],
  ])('of %d ms reads %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text)
  })
})
