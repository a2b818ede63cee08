// All that one stateful rule keeps: its window, and the throttle through which goes what the window gives.
import { createHash } from 'node:crypto'
import { ReactorError } from '../../base/errors.ts'
import { canonicalJson } from '../../base/json.ts'
import type { RuleDocument } from '../rules/schema.ts'
import { createAbsent } from './absent.ts'
import { createAllOf } from './all-of.ts'
import { createCount } from './count.ts'
import { createGroup } from './group.ts'
import { createOnceAfter, createOnceWithin } from './throttle.ts'
import {
  type Bounds,
  type Fire,
  type Output,
  type Throttle,
  type Trigger,
  type Window,
  type WindowEvent,
  windowFact,
} from './window.ts'

export interface RuleFold {
  /** `off`: what fires is only recorded, and so holds nothing back later. */
  event(event: WindowEvent, off?: boolean): Output[]
  due(now: number, off?: boolean): Output[]
  next(): number | undefined
  /** Present where the rule expects something of each minion. */
  expect?(minions: ReadonlySet<string>, now: number): Output[] | undefined
  keys(): number
  dropped(): number
  save(): unknown
  restore(saved: unknown): void
}

/** The part of a rule on which its state rests: where another one is in force, the state of before says nothing. */
export function definitionOf(document: RuleDocument): string {
  const { on, when, throttle, count, all_of, absent, group } = document
  const parts = Object.entries({ on, when, throttle, count, all_of, absent, group })
  const text = canonicalJson(Object.fromEntries(parts.filter(([, part]) => part !== undefined)))
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}

/** `throttleKey` may throw: then its output is `fail`. */
export function createRuleFold(
  document: RuleDocument,
  throttleKey: (trigger: Trigger) => string,
  bounds: Bounds,
): RuleFold {
  const window = createWindow(document, bounds)
  const throttle = createThrottle(document, bounds, window === undefined)
  if (!window && !throttle) throw new ReactorError('internal', `rule '${document.rule}' keeps nothing`)

  const offered = (fire: Fire, now: number, off: boolean): Output[] => {
    if (!throttle || off) return [fire]
    try {
      return throttle.offer(fire, throttleKey(fire.trigger), now)
    } catch (problem) {
      return [{ do: 'fail', event: fire.event, problem }]
    }
  }
  const through = (outputs: Output[], now: number, off: boolean): Output[] =>
    throttle ? outputs.flatMap(output => (output.do === 'fire' ? offered(output, now, off) : [output])) : outputs
  const next = () => {
    const first = window?.next()
    const second = throttle?.next()
    return first === undefined || (second !== undefined && second < first) ? second : first
  }
  const expect = window?.expect

  return {
    event(event, off = false) {
      if (window) return through(window.event(event), event.now, off)
      const { trigger, at, now, bytes } = event
      const fact = windowFact('', 1, at, at)
      return offered({ do: 'fire', at, event: trigger.event, trigger, window: fact, bytes }, now, off)
    },
    due(now, off = false) {
      const outputs: Output[] = []
      // One deadline after the other: what the window gives at one may open a wait that is over by `now`.
      for (let at = next(); at !== undefined && at <= now; at = next()) {
        if (throttle) outputs.push(...throttle.due(at))
        if (window) outputs.push(...through(window.due(at), at, off))
      }
      return outputs
    },
    next,
    ...(expect && { expect }),
    keys: () => (window?.keys() ?? 0) + (throttle?.keys() ?? 0),
    dropped: () => (window?.dropped() ?? 0) + (throttle?.dropped() ?? 0),
    save: () => ({ window: window?.save(), throttle: throttle?.save() }),
    restore(saved) {
      const state = saved as { window?: unknown; throttle?: unknown }
      window?.restore(state.window)
      throttle?.restore(state.throttle)
    },
  }
}

function createWindow(document: RuleDocument, bounds: Bounds): Window | undefined {
  const { rule, count, all_of, absent, group } = document
  if (count) return createCount(count.at_least, count.within, bounds)
  if (all_of) {
    const { events, within, in_order } = all_of
    return createAllOf({ steps: events.length, within, inOrder: in_order === true }, bounds)
  }
  if (absent) {
    const { for: time, until, of } = absent
    return createAbsent({ rule, time, until: until !== undefined, ofMinions: of === 'minions' }, bounds)
  }
  return group && createGroup(group.for, group.most, bounds)
}

function createThrottle({ throttle }: RuleDocument, bounds: Bounds, bare: boolean): Throttle | undefined {
  if (!throttle) return undefined
  return 'once_within' in throttle
    ? createOnceWithin(throttle.once_within, bounds)
    : createOnceAfter(throttle.once_after, bounds, bare)
}
