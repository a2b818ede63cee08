// What the worker counts: decisions by rule and state, how long they took, and failures in a row, which raise an alarm.
import type { Alarms } from '../../alarms/alarms.ts'
import { createHistogram, type Histogram } from '../../base/histogram.ts'
import type { Decision, DecisionState } from '../../protocol/reaction.ts'

export interface Tally {
  add(decision: Decision): void
  /** Decisions by rule and state since the start. */
  decisions: ReadonlyMap<string, ReadonlyMap<DecisionState, number>>
  /** From the storing of the event to the decision. */
  latency: Histogram
}

/** Reactions of one rule that fail for good, with none between that is done. */
const KEEPS_FAILING = 5

export function createTally(alarms: Alarms): Tally {
  const decisions = new Map<string, Map<DecisionState, number>>()
  const failing = new Map<string, number>()
  const latency = createHistogram()

  const watch = ({ rule, state, reason, key }: Decision) => {
    if (state === 'done') {
      const failures = failing.get(rule)
      if (failures === undefined) return
      failing.delete(rule)
      if (failures >= KEEPS_FAILING) alarms.clear('rule', rule)
    } else if (state === 'parked' || state === 'dropped') {
      const failures = (failing.get(rule) ?? 0) + 1
      failing.set(rule, failures)
      if (failures >= KEEPS_FAILING) alarms.raise('rule', rule, { rule, failures, key, reason: reason ?? '' })
    }
  }

  return {
    decisions,
    latency,
    add(decision) {
      const { rule, state, ms } = decision
      let states = decisions.get(rule)
      if (!states) {
        states = new Map()
        decisions.set(rule, states)
      }
      states.set(state, (states.get(state) ?? 0) + 1)
      latency.observe(ms)
      watch(decision)
    },
  }
}
