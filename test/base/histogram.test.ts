import { describe, expect, it } from 'vitest'
import { createHistogram, LATENCY_BUCKETS_MS } from '../../src/base/histogram.ts'

describe('a histogram', () => {
  it('counts in each bucket what took its bound or less, and all of it', () => {
    const histogram = createHistogram([1, 10, 100])
    for (const ms of [0, 1, 1.5, 10, 99, 100, 101, 5000]) histogram.observe(ms)
    expect(histogram.read()).toEqual({
      buckets: [
        { le: 1, count: 2 },
        { le: 10, count: 4 },
        { le: 100, count: 6 },
      ],
      sum: 0 + 1 + 1.5 + 10 + 99 + 100 + 101 + 5000,
      count: 8,
    })
  })

  it('takes time that ran backwards as none, and leaves out what is no number', () => {
    const histogram = createHistogram([1])
    histogram.observe(-5)
    histogram.observe(Number.NaN)
    expect(histogram.read()).toEqual({ buckets: [{ le: 1, count: 1 }], sum: 0, count: 1 })
  })

  it('gives a reading that later observations do not change', () => {
    const histogram = createHistogram()
    const before = histogram.read()
    histogram.observe(3)
    expect(before.count).toBe(0)
    expect(before.buckets.map(({ le }) => le)).toEqual(LATENCY_BUCKETS_MS)
    expect(before.buckets.every(({ count }) => count === 0)).toBe(true)
  })

  it.each([[[1, 1]], [[5, 1]], [[1, Number.POSITIVE_INFINITY]]])('refuses buckets %j, which do not ascend', buckets => {
    expect(() => createHistogram(buckets)).toThrow(RangeError)
  })
})
