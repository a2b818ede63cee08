// What a rule with `throttle`, `count`, `all_of`, `absent` or `group` asks of each single event: under which key it is
// counted, and which of the awaited events it is. The folding over events is elsewhere.
import { ReactorError } from '../../base/errors.ts'
import { canonicalJson } from '../../base/json.ts'
import { escapeToken } from '../../protocol/token.ts'
import { type Conditions, compileConditions } from './conditions.ts'
import type { Facts } from './facts.ts'
import { createGlobIndex } from './glob-index.ts'
import type { RuleDocument } from './schema.ts'
import { compileValue } from './template.ts'
import { statefulKey, type Vocabulary, WINDOWS, type WindowKind } from './vocabulary.ts'

/** The key of an event by a rule's `by`; empty without one. Throws `template`. */
export type KeyOf = (facts: Facts) => string

export interface Stateful {
  /** Absent: the rule has `throttle` alone. */
  kind?: WindowKind
  throttleKey: KeyOf
  windowKey: KeyOf
  /** Of `all_of`: places in `events` of those that the event counts as; empty for every other kind. */
  steps(facts: Facts): number[]
}

/** Undefined for a rule that looks at each event alone. Throws `bad_rule`, `template`. */
export function compileStateful(document: RuleDocument, when: Vocabulary): Stateful | undefined {
  if (statefulKey(document) === undefined) return undefined
  const kind = WINDOWS.find(key => document[key] !== undefined)
  if (document.absent?.until) matcher(document.absent.until)
  const steps = (document.all_of?.events ?? []).map(event => ({
    matches: matcher(event.on),
    conditions: event.when && compileConditions(event.when, when),
  }))
  return {
    ...(kind && { kind }),
    throttleKey: keyOf(document.throttle?.by),
    windowKey: kind ? windowKey(document, kind) : keyOf(undefined),
    steps: facts => steps.flatMap((step, index) => (wants(step, facts) ? [index] : [])),
  }
}

/** What is expected of each minion is told apart by who sends it, where the rule does not say otherwise. */
function windowKey(document: RuleDocument, kind: WindowKind): KeyOf {
  const by = document[kind]?.by
  return by === undefined && document.absent?.of ? ({ origin }) => origin : keyOf(by)
}

/** Whether a tag is matched by a rule's globs, exclusions among them. Throws `bad_rule`. */
function matcher(globs: readonly string[]): (tag: string) => boolean {
  const index = createGlobIndex([{ on: globs, value: true }])
  return tag => index.match(tag.split('/').map(escapeToken)).length > 0
}

function wants(
  { matches, conditions }: { matches(tag: string): boolean; conditions: Conditions | undefined },
  facts: Facts,
): boolean {
  return matches(facts.tag) && (conditions?.decide(facts) ?? true)
}

function keyOf(by: string | undefined): KeyOf {
  if (by === undefined) return () => ''
  const render = compileValue(by, ['by'])
  return ({ tag, data, origin, stamp, minion }) => {
    const value = render({ tag, data, origin, stamp, minion })
    if (typeof value === 'string') return value
    if (value === undefined || value === null) throw new ReactorError('template', `by: '${by}' gives nothing`)
    return canonicalJson(value)
  }
}
