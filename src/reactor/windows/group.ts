// `group`: collects what comes of a key from its first event on, for a time or until there are `most`; then one reaction with
// the list. It is named by the event that opened it. The key that gives way is handed out early: nothing is lost with it.
import type { ReactionEvent } from '../../protocol/reaction.ts'
import {
  type Bounds,
  type Fire,
  type KeptEvent,
  kept,
  type Output,
  oldestKey,
  suppress,
  type Trigger,
  type Window,
  windowFact,
} from './window.ts'

/** Events that a window keeps, the latest; and their bytes, so that a reaction that lists them fits a message. */
export const MOST_KEPT = 500
export const BYTES_KEPT = 256 * 1024

interface Group {
  opener: ReactionEvent
  latest: Trigger
  events: KeptEvent[]
  sizes: number[]
  bytes: number
  count: number
  first: number
  last: number
  deadline: number
}

export function createGroup(time: number, most: number | undefined, { maxKeys }: Bounds): Window {
  /** In the order of their deadlines: each collects equally long. */
  let groups = new Map<string, Group>()
  let dropped = 0
  const end = (key: string, at: number): Fire => {
    const { opener, latest, events, count, first, last } = groups.get(key)!
    groups.delete(key)
    return {
      do: 'fire',
      at,
      event: opener,
      trigger: latest,
      window: windowFact(key, count, first, last, events),
    }
  }

  return {
    event({ trigger, key, at, now, bytes }) {
      const outputs: Output[] = []
      let group = groups.get(key)
      if (!group) {
        if (groups.size >= maxKeys) {
          outputs.push(end(oldestKey(groups)!, now))
          dropped++
        }
        // From when it was stored: late events come together, and are one group.
        group = openGroup(trigger, at, now + time)
        groups.set(key, group)
      } else outputs.push(suppress(trigger.event, 'window'))
      collect(group, trigger, at, bytes)
      if (group.count === most) outputs.push(end(key, now))
      return outputs
    },
    due(now) {
      const outputs: Output[] = []
      for (const [key, { deadline }] of groups) {
        if (deadline > now) break
        outputs.push(end(key, deadline))
      }
      return outputs
    },
    next: () => groups.values().next().value?.deadline,
    keys: () => groups.size,
    dropped: () => dropped,
    save: () => ({ groups: [...groups], dropped }),
    restore(saved) {
      const state = saved as { groups: [string, Group][]; dropped: number }
      groups = new Map(state.groups)
      dropped = state.dropped
    },
  }
}

const openGroup = (trigger: Trigger, at: number, deadline: number): Group => ({
  opener: trigger.event,
  latest: trigger,
  events: [],
  sizes: [],
  bytes: 0,
  count: 0,
  first: at,
  last: at,
  deadline,
})

function collect(group: Group, trigger: Trigger, at: number, bytes: number): void {
  group.latest = trigger
  group.count++
  group.first = Math.min(group.first, at)
  group.last = Math.max(group.last, at)
  group.events.push(kept(trigger))
  group.sizes.push(bytes)
  group.bytes += bytes
  // The latest itself is kept, however large.
  while (group.events.length > MOST_KEPT || (group.bytes > BYTES_KEPT && group.events.length > 1)) {
    group.events.shift()
    group.bytes -= group.sizes.shift()!
  }
}
