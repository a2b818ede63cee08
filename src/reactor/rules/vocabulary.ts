// Which names have a value in a part of a rule, and what is said of those that have none there.
import { isObject } from '../../base/json.ts'
import { EVENT_FACTS } from './facts.ts'

/** The keys of rules that look at several events; a rule has one of them at most. */
export const WINDOWS = ['count', 'all_of', 'absent', 'group'] as const
export type WindowKind = (typeof WINDOWS)[number]
/** What makes a rule one that is folded over events, in order. */
export type StatefulKey = WindowKind | 'once_after' | 'once_within'

export interface Vocabulary {
  readonly names: readonly string[]
  /** Names that have no value here, each with why. */
  readonly without: ReadonlyMap<string, string>
}

/** Undefined for a document whose rule looks at each event alone. */
export function statefulKey(document: Readonly<Record<string, unknown>>): StatefulKey | undefined {
  const kind = WINDOWS.find(key => document[key] !== undefined)
  if (kind !== undefined || document.throttle === undefined) return kind
  return isObject(document.throttle) && document.throttle.once_after !== undefined ? 'once_after' : 'once_within'
}

/** The part of a rule that is read. */
export type Part = 'when' | 'by' | 'do' | 'on_failure'

/**
 * What `part` may name. `stateful`: the key for which the rule is folded in order, and cannot wait for a look-up; `own`:
 * names of the user's own facts; `stops`: it decides which other rules get an event.
 */
export function vocabularyOf(part: Part, own: Iterable<string>, stateful?: StatefulKey, stops = false): Vocabulary {
  const names: string[] = [...EVENT_FACTS]
  const without = new Map<string, string>()
  const lookedUp = ['job', ...own]
  if (part === 'by' || (part === 'when' && stateful !== undefined)) {
    const place = part === 'by' ? "in 'by'" : `in 'when' of a rule with '${stateful}'`
    for (const name of lookedUp)
      without.set(
        name,
        `'${name}' has no value ${place}: it is looked up, and the order of events cannot wait for that`,
      )
  } else if (part === 'when' && stops) {
    for (const name of lookedUp)
      without.set(
        name,
        `'${name}' has no value in 'when' of a rule with 'stop': it is looked up, and which rules get an event below it is to be known at once; give the rules below it a 'when' of their own`,
      )
  } else names.push(...lookedUp)
  const acts = part === 'do' || part === 'on_failure'
  if (acts && stateful !== undefined && stateful !== 'once_within') names.push('window')
  else
    without.set(
      'window',
      `'window' has a value only in 'do' and 'on_failure' of a rule with ${WINDOWS.join(', ')} or once_after`,
    )
  if (part === 'on_failure') names.push('failure')
  else without.set('failure', "'failure' has a value only in 'on_failure'")
  return { names, without }
}
