// The facts of an event that rules see, and the paths into them.

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

export const FACT_NAMES = ['tag', 'data', 'origin', 'stamp', 'minion'] as const satisfies (keyof Facts)[]
export type FactName = (typeof FACT_NAMES)[number]

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

/** Reads own keys only; what is not there is undefined. */
export function readPath(fact: FactName, steps: readonly string[]) {
  return (facts: Facts): unknown => {
    let at: unknown = facts[fact]
    for (let i = 0; i < steps.length; i++) {
      if (!at || !Object.hasOwn(at as object, steps[i]!)) return undefined
      at = (at as Record<string, unknown>)[steps[i]!]
    }
    return at
  }
}
