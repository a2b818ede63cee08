// `group`: collects what comes of a key from its first event on, for a time or until there are `most`; then one reaction with
// the list. It is named by the event that opened it. The key that gives way, the one that was opened first, is handed out
// early: nothing is lost with it.
import type { ReactionEvent } from '../../protocol/reaction.ts'
import { createKeyed } from './keyed.ts'
import {
  type Bounds,
  type Fire,
  joined,
  type KeptEvent,
  kept,
  type Output,
  sizeOf,
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
  /** Its data is that of the last in `events`. */
  latest: Pick<Trigger, 'event' | 'sources'>
  events: KeptEvent[]
  sizes: number[]
  bytes: number
  count: number
  first: number
  last: number
  deadline: number
}

export function createGroup(time: number, most: number | undefined, bounds: Bounds): Window {
  /** In the order of their deadlines: each collects equally long. */
  const groups = createKeyed<Group>(bounds)

  return {
    event({ trigger, key, at, now, bytes }) {
      const outputs: Output[] = []
      // From when it was stored: late events come together, and are one group.
      const group = groups.get(key) ?? openGroup(trigger, at, now + time)
      if (group.count > 0) outputs.push(suppress(trigger.event, 'window'))
      collect(group, trigger, at, bytes)
      const size = group.bytes + sizeOf(group.opener) + sizeOf(trigger.event)
      for (const [old, gone] of groups.put(key, group, size)) outputs.push(end(old, gone, now))
      if (group.count === most && groups.get(key)) {
        groups.delete(key)
        outputs.push(end(key, group, now))
      }
      return outputs
    },
    due(now) {
      const outputs: Output[] = []
      for (const [key, group] of groups.entries()) {
        if (group.deadline > now) break
        groups.delete(key)
        outputs.push(end(key, group, group.deadline))
      }
      return outputs
    },
    next: () => groups.entries().next().value?.[1].deadline,
    keys: groups.size,
    dropped: groups.dropped,
    save: groups.save,
    restore: groups.restore,
  }
}

function end(key: string, { opener, latest, events, bytes, count, first, last }: Group, at: number): Fire {
  const { data, stamp } = events.at(-1)!
  return {
    do: 'fire',
    at,
    event: opener,
    trigger: { ...latest, data, stamp },
    window: windowFact(key, count, first, last, events),
    bytes,
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
  group.opener = joined(group.opener, trigger.event)
  group.latest = { event: trigger.event, sources: trigger.sources }
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
