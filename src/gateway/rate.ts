// How often something may happen: so many a second on average, twice as many at once.

/** Takes one of a key's share. 0: taken; else the seconds until there is one again. */
export type Take = (key: string) => number

const MOST_KEYS = 10_000

/** `perSecond` 0: no limit. Of more keys than are kept, those that have been quiet the longest begin anew. */
export function createRate(perSecond: number, now: () => number): Take {
  if (perSecond === 0) return () => 0
  const burst = Math.max(1, 2 * perSecond)
  const buckets = new Map<string, { left: number; at: number }>()
  return key => {
    const time = now() / 1000
    const before = buckets.get(key)
    const left = before ? Math.min(burst, before.left + (time - before.at) * perSecond) : burst
    const taken = left >= 1
    // To the end of the map: its order is that of the last use.
    buckets.delete(key)
    buckets.set(key, { left: taken ? left - 1 : left, at: time })
    if (buckets.size > MOST_KEYS) buckets.delete(buckets.keys().next().value!)
    return taken ? 0 : (1 - left) / perSecond
  }
}
