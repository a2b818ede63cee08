// `count`: fires at the event that makes it so many of a key within the time, and then counts anew. The key that gives way is
// the one that was silent longest: its count begins at nothing.
import { createKeyed, forget } from './keyed.ts'
import { type Bounds, type Caused, causedBy, joined, sizeOf, suppress, type Window, windowFact } from './window.ts'

interface Counted {
  /** When they happened, in that order. */
  times: number[]
  /** Of those that something caused, the latest. */
  caused: (Caused & { at: number })[]
  /** When the last of them was stored. */
  seen: number
}

const TIME_BYTES = 18
const MOST_CAUSED = 16

export function createCount(atLeast: number, within: number, bounds: Bounds): Window {
  const { late } = bounds
  /** The one that was silent longest first. */
  const counts = createKeyed<Counted>(bounds)

  return {
    event({ trigger, key, at, now, bytes }) {
      forget(counts, ({ seen }) => seen + within + late < now)
      const counted = counts.get(key) ?? { times: [], caused: [], seen: now }
      counted.seen = now
      const { times, caused } = counted
      const place = insert(times, at)
      const first = firstOfSoMany(times, place, atLeast, within)
      counts.delete(key)
      if (first !== undefined) {
        const [begin, end] = [times[first]!, times[first + atLeast - 1]!]
        const event = caused.filter(one => one.at >= begin && one.at <= end).reduce(joined, trigger.event)
        return [{ do: 'fire', at, event, trigger, window: windowFact(key, atLeast, begin, end), bytes }]
      }
      // Neither those that are too old for any to come, nor more than could be looked at.
      let old = Math.max(0, times.length - 2 * atLeast)
      while (old < times.length && times[old]! + within + late < now) old++
      if (old > 0) times.splice(0, old)
      const cause = causedBy(trigger.event)
      if (cause) caused.push({ ...cause, at })
      counted.caused = caused.filter(one => one.at >= (times[0] ?? at)).slice(-MOST_CAUSED)
      const size = counted.caused.reduce((sum, one) => sum + sizeOf(one), times.length * TIME_BYTES)
      counts.put(key, counted, size)
      return [suppress(trigger.event, 'window')]
    },
    due: () => [],
    next: () => undefined,
    keys: counts.size,
    dropped: counts.dropped,
    save: counts.save,
    restore: counts.restore,
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
