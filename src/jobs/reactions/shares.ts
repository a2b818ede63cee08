// How much of the worker each lane holds, by class, and whether it may hold more: one rule must not take the memory, or the
// consumer's room for messages in flight, from all others.
import type { LaneClass } from '../../protocol/subject.ts'

export interface ShareLimits {
  /** Messages of one lane and class. */
  messages: number
  /** Messages of all lanes of one class: several workers share the room of its consumer. The last quarter is for lanes that hold nothing yet. */
  classMessages: number
  /** Bytes of one lane and class. */
  laneBytes: number
  /** Bytes of all. The last quarter is for lanes that hold nothing yet. */
  bytes: number
}

export const SHARE_LIMITS: ShareLimits = {
  messages: 5000,
  classMessages: 20_000,
  laneBytes: 24 * 1024 ** 2,
  bytes: 64 * 1024 ** 2,
}

/** `lane`: this lane holds its share; `all`: the worker holds what it can. */
export type Fit = 'yes' | 'lane' | 'all'

export interface Shares {
  fits(rule: string, lane: LaneClass, bytes: number): Fit
  /** `part`: of a message of many rules, the part that is this one's. */
  take(rule: string, lane: LaneClass, bytes: number, part?: number): void
  /** One message is settled; true where the rule holds nothing any more. */
  give(rule: string, lane: LaneClass, bytes: number, part?: number): boolean
  /** About how long it takes until the lane has room again, milliseconds; undefined where none of it has ended yet. */
  roomWithin(rule: string, lane: LaneClass): number | undefined
  /** Messages in hand by rule and class. */
  read(): { rule: string; fast: number; slow: number }[]
  bytes(): number
}

interface Held {
  messages: number
  bytes: number
  /** Since the rule holds anything. */
  ended: number
}

/** A lane may hold this part of the room that is left: many that are full leave some to others. */
const OF_THE_REST = 1 / 4
const FOR_MORE = 3 / 4

export function createShares(limits: ShareLimits = SHARE_LIMITS, now: () => number = Date.now): Shares {
  const rules = new Map<string, Record<LaneClass, Held> & { since: number }>()
  const messages: Record<LaneClass, number> = { fast: 0, slow: 0 }
  let total = 0
  return {
    fits(rule, lane, bytes) {
      const held = rules.get(rule)?.[lane]
      // One that is larger than any share is taken alone.
      if (total > 0 && total + bytes > limits.bytes) return 'all'
      if (messages[lane] >= limits.classMessages) return 'all'
      if (!held || held.messages === 0) return 'yes'
      const rest = limits.classMessages * FOR_MORE - messages[lane]
      if (held.messages >= Math.min(limits.messages, rest * OF_THE_REST)) return 'lane'
      if (held.bytes + bytes > limits.laneBytes) return 'lane'
      return total + bytes > limits.bytes * FOR_MORE ? 'all' : 'yes'
    },
    take(rule, lane, bytes, part = 1) {
      let held = rules.get(rule)
      if (!held) {
        held = { fast: none(), slow: none(), since: now() }
        rules.set(rule, held)
      }
      held[lane].messages += 1
      held[lane].bytes += bytes
      messages[lane] += part
      total += bytes
    },
    give(rule, lane, bytes, part = 1) {
      const held = rules.get(rule)
      if (!held) return true
      held[lane].messages -= 1
      held[lane].bytes -= bytes
      held[lane].ended += 1
      messages[lane] -= part
      total -= bytes
      if (held.fast.messages + held.slow.messages > 0) return false
      rules.delete(rule)
      return true
    },
    roomWithin(rule, lane) {
      const held = rules.get(rule)
      const { messages, ended } = held?.[lane] ?? none()
      return held && ended > 0 ? ((now() - held.since) / ended) * (messages / 2) : undefined
    },
    read: () => [...rules].map(([rule, { fast, slow }]) => ({ rule, fast: fast.messages, slow: slow.messages })),
    bytes: () => total,
  }
}

const none = (): Held => ({ messages: 0, bytes: 0, ended: 0 })
