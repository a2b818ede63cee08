// A histogram of durations: counts per bucket in one typed array, so that an observation allocates
// nothing and costs a few comparisons. Reading is for a scrape.

/** Upper bounds in milliseconds: from one in-memory step to a job that takes a minute. */
export const LATENCY_BUCKETS_MS: readonly number[] = [
  1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000,
]

export interface HistogramReading {
  /** Cumulative, as Prometheus has them: `count` observations took `le` milliseconds or less. The
   * bucket without bound is `count` below. */
  buckets: { le: number; count: number }[]
  /** Milliseconds of all observations. */
  sum: number
  count: number
}

export interface Histogram {
  /** A duration in milliseconds. Below zero (a clock that stepped) counts as zero; not a number is
   * left out. */
  observe(ms: number): void
  read(): HistogramReading
}

/** `bucketsMs`: upper bounds in milliseconds, ascending.
 * @throws RangeError when they do not ascend. */
export function createHistogram(bucketsMs: readonly number[] = LATENCY_BUCKETS_MS): Histogram {
  for (let index = 0; index < bucketsMs.length; index += 1) {
    const bound = bucketsMs[index] as number
    if (!Number.isFinite(bound) || (index > 0 && bound <= (bucketsMs[index - 1] as number))) {
      throw new RangeError(
        `the buckets of a histogram must be finite and ascend, and ${bound} stands at index ${index}`,
      )
    }
  }
  const bounds = Float64Array.from(bucketsMs)
  const counts = new Float64Array(bounds.length + 1)
  let sum = 0
  let count = 0
  return {
    observe(ms) {
      if (Number.isNaN(ms)) return
      const value = ms < 0 ? 0 : ms
      let index = 0
      while (index < bounds.length && value > (bounds[index] as number)) index += 1
      counts[index] = (counts[index] as number) + 1
      sum += value
      count += 1
    },
    read() {
      let below = 0
      const buckets = bucketsMs.map((le, index) => {
        below += counts[index] as number
        return { le, count: below }
      })
      return { buckets, sum, count }
    },
  }
}
