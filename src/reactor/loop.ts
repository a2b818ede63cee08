// What keeps rules from triggering each other for ever: by the chain of causes of an event, by its length, and by the rate
// at which one rule reacts to what rules caused.
import type { Clock } from '../base/clock.ts'
import { MAX_HOPS } from '../protocol/event.ts'
import { isOfService } from '../protocol/origin.ts'
import { readChain } from '../protocol/trace.ts'

export interface Loop {
  /**
   * The rules that trigger each other, the first one last again, from the one that comes first by its name on; of a rate, or of a
   * chain that is too long, the rules that led to it.
   */
  cycle: string[]
  why: string
}

interface Guarded {
  rule: string
  recursion: number
}

export interface LoopGuard {
  /** Why a rule may not react to an event: by its causes (`findLoop`), or by its rate. Asked again of one event it says the same. */
  check(rule: Guarded, event: Caused & { id: string; origin: string }): Loop | undefined
}

interface Caused {
  hops: number
  chain?: string | undefined
}

export interface LoopGuardParts {
  /** Reactions a minute of one rule to what rules caused; 0: any number. */
  rate: number
  clock: Pick<Clock, 'now'>
}

/** Why a rule may not react to an event, by the causes of the event alone: the same whoever asks, and however often. */
export function findLoop({ rule, recursion }: Guarded, { hops, chain }: Caused): Loop | undefined {
  if (hops === 0) return undefined
  const causes = readChain(chain)
  if (hops >= MAX_HOPS) return { cycle: cycleOf(causes, rule), why: `a chain of ${MAX_HOPS} causes` }
  let met = 0
  for (const cause of causes) if (cause === rule) met++
  if (met <= recursion) return undefined
  const allowed = recursion === 0 ? '' : `; its 'recursion' allows ${recursion}`
  return {
    cycle: cycleOf(causes, rule),
    why: `the rule is ${met === 1 ? 'once' : `${met} times`} among the causes of the event${allowed}`,
  }
}

const MINUTE_MS = 60_000

export function createLoopGuard({ rate, clock }: LoopGuardParts): LoopGuard {
  /** Of rules that have reacted to rules within the last minute or two. */
  const windows = new Map<string, Window>()
  let sweepAt = Number.NEGATIVE_INFINITY

  const overRate = (rule: string, { id, origin }: { id: string; origin: string }): boolean => {
    const now = clock.now()
    // So that names that are no rule's any more do not pile up; a clock set back moves the sweep along.
    if (now >= sweepAt || now < sweepAt - MINUTE_MS) {
      for (const [name, window] of windows) if (!window.isAlive(now)) windows.delete(name)
      sweepAt = now + MINUTE_MS
    }
    // What caused an event is the word of a minion, or an operator, who sent it: it can use up no rate but their own.
    const counted = isOfService(origin) ? rule : `${rule}\n${origin}`
    let window = windows.get(counted)
    if (!window?.isAlive(now)) {
      window = createWindow()
      windows.set(counted, window)
    }
    return !window.take(id, now, rate)
  }

  return {
    check(rule, event) {
      const loop = findLoop(rule, event)
      if (loop || rate === 0 || event.hops === 0) return loop
      const causes = readChain(event.chain)
      if (causes.length === 0 || !overRate(rule.rule, event)) return undefined
      return {
        cycle: cycleOf(causes, rule.rule),
        why: `more than ${rate} reactions of the rule within a minute to events that rules caused (react.loop_rate)`,
      }
    },
  }
}

/** From the last time that the rule is among the causes on to itself; where it is not, all of them. */
function cycleOf(causes: readonly string[], rule: string): string[] {
  const at = causes.lastIndexOf(rule)
  if (at < 0) return [...causes, rule]
  // One name for it, wherever it was entered.
  const ring = causes.slice(at)
  const first = ring.indexOf(ring.reduce((least, name) => (name < least ? name : least)))
  return [...ring.slice(first), ...ring.slice(0, first), ring[first]!]
}

interface Window {
  /** Counts an event once, unless `most` have been counted in the last minute; false then. */
  take(id: string, now: number, most: number): boolean
  /** Less than a minute lies between now and its last count; of a clock that is set back, at most a minute. */
  isAlive(now: number): boolean
}

/** The events of the last minute. */
function createWindow(): Window {
  /** In the order of their times. */
  const counted = new Map<string, number>()
  let last = Number.NEGATIVE_INFINITY
  return {
    take(id, now, most) {
      last = Math.max(last, now)
      for (const [old, at] of counted) {
        if (last - at < MINUTE_MS) break
        counted.delete(old)
      }
      // It was not stored, or its ack was lost: it comes again and is no other reaction.
      if (counted.has(id)) return true
      if (counted.size >= most) return false
      counted.set(id, last)
      return true
    },
    isAlive: now => now - last < MINUTE_MS && last - now <= MINUTE_MS,
  }
}
