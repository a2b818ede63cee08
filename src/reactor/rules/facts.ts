// The facts of an event that rules see, and the paths into them.
import { canonicalJson } from '../../base/json.ts'

/** What a rule's conditions and templates may look at. `minion` holds the origin minion's grains. */
export interface Facts {
  tag: string
  /** With the event's `stamp` as `_stamp`, as Salt's data has it. */
  data: Record<string, unknown>
  origin: string
  stamp: string
  minion?: Record<string, unknown>
  /** The job's record, of an event about a job (`salt/job/<jid>/…`, `salt/run/<jid>/…`); looked up only for rules that name it. */
  job?: Record<string, unknown>
  /** Of a rule with `count`, `group`, …: what it has collected. */
  window?: WindowFact
  /** In `on_failure`. */
  failure?: { rule: string; reason: string; attempts: number; jids: string[] }
  /** Values of the user's own facts by name: they are read as if they stood beside the others. */
  own?: Readonly<Record<string, unknown>>
}

export interface WindowFact {
  /** What `by` gave; empty without it. */
  key: string
  /** Events collected. */
  count: number
  /** Stamps of the first and the last of them. */
  first: string
  last: string
  /** Of `all_of` and `group`, in order: the latest that are kept. */
  events: { tag: string; data: Record<string, unknown>; origin: string; stamp: string }[]
}

/** Facts that every event has. */
export const EVENT_FACTS = ['tag', 'data', 'origin', 'stamp', 'minion'] as const satisfies (keyof Facts)[]
/** Those of the language; a user's own facts have other names. */
export const FACT_NAMES = [...EVENT_FACTS, 'job', 'window', 'failure'] as const satisfies (keyof Facts)[]
export type FactName = (typeof FACT_NAMES)[number]

/** A fact that has to be looked up: `job`, or one of the user's own with the parameters that a condition gives it. */
export interface Lookup {
  fact: string
  params?: Readonly<Record<string, unknown>>
}

/** Where the value of an own fact stands in `Facts.own`: its name, and its parameters where there are some. */
export const ownKey = ({ fact, params }: Lookup): string => (params ? `${fact} ${canonicalJson(params)}` : fact)

const STEP = /^(?:\.?([A-Za-z_][\w-]*)|\[(\d+)\]|\['([^'\\]*)'\]|\["([^"\\]*)"\])/

/** The names of `$.a.b[0]['c']` (the `$` may be left out), or undefined when it is anything else. */
export function parsePath(path: unknown): string[] | undefined {
  if (typeof path !== 'string' || path === '') return undefined
  const steps: string[] = []
  for (let rest = path.startsWith('$') ? path.slice(1) : path; rest !== ''; ) {
    const found = STEP.exec(rest)
    if (!found) return undefined
    steps.push(found[1] ?? found[2] ?? found[3] ?? found[4]!)
    rest = rest.slice(found[0].length)
  }
  return steps
}

type Read = (facts: Facts) => unknown

/** Reads a fact of the language, or else one of the user's own. */
export function readFact(lookup: Lookup): Read {
  const name = lookup.fact as FactName
  if (FACT_NAMES.includes(name)) return facts => facts[name]
  const key = ownKey(lookup)
  return ({ own }) => (own !== undefined && Object.hasOwn(own, key) ? own[key] : undefined)
}

/** Reads own keys only; what is not there is undefined. */
export function readPath(from: Read, steps: readonly string[]): Read {
  return facts => {
    let at = from(facts)
    for (let i = 0; i < steps.length; i++) {
      if (!at || !Object.hasOwn(at as object, steps[i]!)) return undefined
      at = (at as Record<string, unknown>)[steps[i]!]
    }
    return at
  }
}
