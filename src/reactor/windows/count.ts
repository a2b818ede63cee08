// `count`: fires at the event that makes it so many of a key within the time, and then counts anew. The key that gives way is
// the one that was silent longest: its count begins at nothing.
import { type Bounds, forget, oldestKey, suppress, type Window, windowFact } from './window.ts'

interface Counted {
  /** When they happened, in that order. */
  times: number[]
  /** When the last of them was stored. */
  seen: number
}

export function createCount(atLeast: number, within: number, { maxKeys, late }: Bounds): Window {
  /** The one that was silent longest first. */
  let counts = new Map<string, Counted>()
  let dropped = 0
  const purge = (now: number) => forget(counts, ({ seen }) => seen + within + late < now)

  return {
    event({ trigger, key, at, now }) {
      purge(now)
      const counted = counts.get(key) ?? { times: [], seen: now }
      counted.seen = now
      const { times } = counted
      const place = insert(times, at)
      const first = firstOfSoMany(times, place, atLeast, within)
      counts.delete(key)
      if (first !== undefined) {
        const last = times[first + atLeast - 1]!
        return [
          { do: 'fire', at, event: trigger.event, trigger, window: windowFact(key, atLeast, times[first]!, last) },
        ]
      }
      // Neither those that are too old for any to come, nor more than could be looked at.
      let old = Math.max(0, times.length - 2 * atLeast)
      while (old < times.length && times[old]! + within + late < now) old++
      if (old > 0) times.splice(0, old)
      if (counts.size >= maxKeys) {
        counts.delete(oldestKey(counts)!)
        dropped++
      }
      counts.set(key, counted)
      return [suppress(trigger.event, 'window')]
    },
    due: () => [],
    next: () => undefined,
    keys: () => counts.size,
    dropped: () => dropped,
    save: () => ({ counts: [...counts], dropped }),
    restore(saved) {
      const state = saved as { counts: [string, Counted][]; dropped: number }
      counts = new Map(state.counts)
      dropped = state.dropped
    },
  }
}

/** Its place, behind those of the same time. Most come in order. */
function insert(times: number[], at: number): number {
  let place = times.length
  while (place > 0 && times[place - 1]! > at) place--
  times.splice(place, 0, at)
  return place
}

/** Where `count` neighbours begin that `place` is among and that lie within the time. */
function firstOfSoMany(times: readonly number[], place: number, count: number, within: number): number | undefined {
  for (let first = Math.max(0, place - count + 1); first <= place && first + count <= times.length; first++) {
    if (times[first + count - 1]! - times[first]! <= within) return first
  }
  return undefined
}
