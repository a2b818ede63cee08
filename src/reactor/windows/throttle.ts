// `throttle`: the last stage of a rule. `once_within` lets the first of a key through, and holds back what happened within the
// time of one that came through; the key that gives way fired longest ago. `once_after` waits from the first on, and then lets
// the latest through; the key that gives way has waited longest, and comes through early.
import type { ReactionEvent } from '../../protocol/reaction.ts'
import { createKeyed, forget } from './keyed.ts'
import { type Bounds, type Fire, joined, type Output, sizeOf, suppress, type Throttle, windowFact } from './window.ts'

interface Fired {
  /** When those that came through happened, the latest of them: of late events there may be several in force. */
  times: number[]
  /** When the last of them was stored. */
  seen: number
}

const MOST_TIMES = 32
const TIME_BYTES = 18

export function createOnceWithin(within: number, bounds: Bounds): Throttle {
  const { late } = bounds
  /** The one that came through longest ago first. */
  const fired = createKeyed<Fired>(bounds)

  return {
    offer(fire, key, now) {
      // An event that comes from now on happened later than that.
      forget(fired, ({ seen }) => seen + within + late <= now)
      const before = fired.get(key)?.times.filter(at => at + within + late > now) ?? []
      if (before.some(at => Math.abs(fire.at - at) < within)) return [suppress(fire.event, 'throttle')]
      const times = [...before, fire.at].slice(-MOST_TIMES)
      fired.delete(key)
      fired.put(key, { times, seen: now }, times.length * TIME_BYTES)
      return [fire]
    },
    due: () => [],
    next: () => undefined,
    keys: fired.size,
    dropped: fired.dropped,
    save: fired.save,
    restore: fired.restore,
  }
}

interface Wait {
  /** Names the work. */
  opener: ReactionEvent
  latest: Fire
  count: number
  first: number
  last: number
  deadline: number
}

/** `bare`: the rule has no other window, so that what was waited for is the window. */
export function createOnceAfter(after: number, bounds: Bounds, bare: boolean): Throttle {
  /** In the order of their deadlines: each waits equally long. */
  const waits = createKeyed<Wait>(bounds)
  const end = (key: string, { opener, latest, count, first, last }: Wait, at: number): Output => ({
    ...latest,
    at,
    event: opener,
    window: bare ? windowFact(key, count, first, last) : latest.window,
  })

  return {
    offer(fire, key, now) {
      const wait = waits.get(key)
      const { event, at, bytes } = fire
      const next: Wait = wait
        ? {
            opener: joined(wait.opener, event),
            latest: fire,
            count: wait.count + 1,
            first: Math.min(wait.first, at),
            last: Math.max(wait.last, at),
            deadline: wait.deadline,
          }
        : { opener: event, latest: fire, count: 1, first: at, last: at, deadline: now + after }
      const outputs: Output[] = wait ? [suppress(event, 'throttle')] : []
      const size = bytes + 2 * sizeOf(event) + sizeOf(next.opener)
      for (const [old, gone] of waits.put(key, next, size)) outputs.push(end(old, gone, now))
      return outputs
    },
    due(now) {
      const outputs: Output[] = []
      for (const [key, wait] of waits.entries()) {
        if (wait.deadline > now) break
        waits.delete(key)
        outputs.push(end(key, wait, wait.deadline))
      }
      return outputs
    },
    next: () => waits.entries().next().value?.[1].deadline,
    keys: waits.size,
    dropped: waits.dropped,
    save: waits.save,
    restore: waits.restore,
  }
}
