// `throttle`: `once_within` lets the first of a key through and holds back the others for a time; `once_after` waits from the
// first on and then lets one through, with the latest facts. Keys that give way: of `once_within` one is forgotten, so that
// its next one comes through; of `once_after` the wait of one ends early.
import type { ReactionEvent } from '../../protocol/reaction.ts'
import {
  type Bounds,
  type Fire,
  forget,
  type Output,
  oldestKey,
  suppress,
  type Throttle,
  windowFact,
} from './window.ts'

export function createOnceWithin(within: number, { maxKeys, late }: Bounds): Throttle {
  /** When each key came through last, in that order. */
  let fired = new Map<string, number>()
  let dropped = 0
  // An event that comes from now on happened later than that.
  const purge = (now: number) => forget(fired, at => at + within + late <= now)

  return {
    offer(fire, key, now) {
      purge(now)
      const before = fired.get(key)
      if (before !== undefined && fire.at - before < within) return [suppress(fire.event, 'throttle')]
      fired.delete(key)
      if (fired.size >= maxKeys) {
        fired.delete(oldestKey(fired)!)
        dropped++
      }
      fired.set(key, fire.at)
      return [fire]
    },
    due: () => [],
    next: () => undefined,
    keys: () => fired.size,
    dropped: () => dropped,
    save: () => ({ fired: [...fired], dropped }),
    restore(saved) {
      const state = saved as { fired: [string, number][]; dropped: number }
      fired = new Map(state.fired)
      dropped = state.dropped
    },
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
export function createOnceAfter(after: number, { maxKeys }: Bounds, bare: boolean): Throttle {
  /** In the order of their deadlines: each waits equally long. */
  let waits = new Map<string, Wait>()
  let dropped = 0
  const end = (key: string, at: number): Output => {
    const { opener, latest, count, first, last } = waits.get(key)!
    waits.delete(key)
    return { ...latest, at, event: opener, window: bare ? windowFact(key, count, first, last) : latest.window }
  }

  return {
    offer(fire, key, now) {
      const wait = waits.get(key)
      if (wait) {
        wait.latest = fire
        wait.count++
        wait.first = Math.min(wait.first, fire.at)
        wait.last = Math.max(wait.last, fire.at)
        return [suppress(fire.event, 'throttle')]
      }
      const outputs: Output[] = []
      if (waits.size >= maxKeys) {
        outputs.push(end(oldestKey(waits)!, now))
        dropped++
      }
      waits.set(key, {
        opener: fire.event,
        latest: fire,
        count: 1,
        first: fire.at,
        last: fire.at,
        deadline: now + after,
      })
      return outputs
    },
    due(now) {
      const outputs: Output[] = []
      for (const [key, { deadline }] of waits) {
        if (deadline > now) break
        outputs.push(end(key, deadline))
      }
      return outputs
    },
    next: () => waits.values().next().value?.deadline,
    keys: () => waits.size,
    dropped: () => dropped,
    save: () => ({ waits: [...waits], dropped }),
    restore(saved) {
      const state = saved as { waits: [string, Wait][]; dropped: number }
      waits = new Map(state.waits)
      dropped = state.dropped
    },
  }
}
