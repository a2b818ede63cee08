// What keeps rules from triggering each other for ever: by the chain of causes of an event, by its length, and by the rate
// at which one rule reacts to what rules caused.
import type { Clock } from '../base/clock.ts'
import { MAX_HOPS } from '../protocol/event.ts'
import { readChain } from '../protocol/trace.ts'

export interface Loop {
  /** The rules that trigger each other, the first one last again; of a rate, the rules that led to it. */
  cycle: string[]
  why: string
}

export interface LoopGuard {
  /** Why a rule may not react to an event; undefined where it may, which then counts for its rate. */
  check(
    rule: { rule: string; recursion: number },
    event: { hops: number; chain?: string | undefined },
  ): Loop | undefined
}

export interface LoopGuardParts {
  /** Reactions a minute of one rule to what rules caused; 0: any number. */
  rate: number
  clock: Pick<Clock, 'now'>
}

const SLOT_MS = 1000
const SLOTS = 60

export function createLoopGuard({ rate, clock }: LoopGuardParts): LoopGuard {
  /** Of rules that have reacted to rules within the last minute or two. */
  const windows = new Map<string, Window>()
  let sweepAt = 0

  const overRate = (rule: string): boolean => {
    const slot = Math.floor(clock.now() / SLOT_MS)
    // So that names that are no rule's any more do not pile up; a clock set back moves the sweep along.
    if (slot >= sweepAt || slot < sweepAt - SLOTS) {
      for (const [name, window] of windows) if (!window.isAlive(slot)) windows.delete(name)
      sweepAt = slot + SLOTS
    }
    let window = windows.get(rule)
    if (!window?.isAlive(slot)) {
      window = createWindow(slot)
      windows.set(rule, window)
    }
    return !window.take(slot, rate)
  }

  return {
    check({ rule, recursion }, { hops, chain }) {
      if (hops === 0) return undefined
      const causes = readChain(chain)
      if (hops >= MAX_HOPS) return { cycle: cycleOf(causes, rule), why: `a chain of ${MAX_HOPS} causes` }
      if (causes.length === 0) return undefined
      let met = 0
      for (const cause of causes) if (cause === rule) met++
      if (met > recursion) {
        const allowed = recursion === 0 ? '' : `; its 'recursion' allows ${recursion}`
        return {
          cycle: cycleOf(causes, rule),
          why: `the rule is ${met === 1 ? 'once' : `${met} times`} among the causes of the event${allowed}`,
        }
      }
      if (rate > 0 && overRate(rule))
        return {
          cycle: cycleOf(causes, rule),
          why: `more than ${rate} reactions of the rule within a minute to events that rules caused (react.loop_rate)`,
        }
      return undefined
    },
  }
}

/** From the last time that the rule is among the causes on to itself; where it is not, all of them. */
function cycleOf(causes: readonly string[], rule: string): string[] {
  return [...causes.slice(Math.max(0, causes.lastIndexOf(rule))), rule]
}

interface Window {
  /** Counts one, unless `most` have been counted in the last minute; false then. */
  take(slot: number, most: number): boolean
  /** Less than a minute lies between it and its last count; of a clock that is set back, at most a minute. */
  isAlive(slot: number): boolean
}

/** The last minute, a count each second. */
function createWindow(start: number): Window {
  const counts = new Uint32Array(SLOTS)
  let last = start
  let sum = 0

  const moveTo = (slot: number): void => {
    for (; last < slot; last++) {
      const at = (last + 1) % SLOTS
      sum -= counts[at]!
      counts[at] = 0
    }
  }
  return {
    take(slot, most) {
      moveTo(slot)
      if (sum >= most) return false
      counts[last % SLOTS]! += 1
      sum += 1
      return true
    },
    isAlive: slot => slot - last < SLOTS && last - slot <= SLOTS,
  }
}
