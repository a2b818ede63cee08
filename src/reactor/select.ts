// Which rules of a bundle get an event, in order of priority and with `stop` applied. Asked by the dispatcher for the rules
// that look at one event, and by the leader for the windowed ones: the two come to the same order.
import type { CompiledBundle, Entry, RuleKind } from './compiled-bundle.ts'
import type { LookUp } from './facts/lookup.ts'
import type { Facts } from './rules/facts.ts'
import { createGlobIndex } from './rules/glob-index.ts'

/** A rule that wants an event, with the facts it is to be rendered on. */
export interface Wanting {
  entry: Entry
  facts: Facts
  /** A fact could not be looked up: whether it wants the event is not known. */
  problem?: unknown
}

export interface Selection {
  bundle: string
  /** All rules of the bundle by name, those of the other kind and `on_failure` ones included. */
  rules: ReadonlyMap<string, Entry>
  /** Entries whose globs match the tokens of `subject` from character `from` on; none where no rule of the kind is among them. */
  match(subject: string, from: number): readonly Entry[]
  /** Those of the kind that want the event. `failure`: the facts for `on_failure` rules; without them these want nothing. */
  wanting(entries: readonly Entry[], facts: Facts, failure?: Facts): readonly Entry[]
  /** Whether facts have to be looked up first, by `wantingAfterLookUp`. */
  needsLookUp(entries: readonly Entry[], facts: Facts, failure?: Facts): boolean
  wantingAfterLookUp(
    entries: readonly Entry[],
    facts: Facts,
    lookUp: LookUp,
    failure?: Facts,
  ): Promise<readonly Wanting[]>
}

const NONE: readonly never[] = Object.freeze([])

const made = new WeakMap<CompiledBundle, Partial<Record<RuleKind, Selection>>>()

/** For the rules of one kind. All that ask for that of one bundle share it: an index of many rules is large. */
export function selectionOf(bundle: CompiledBundle, kind: RuleKind): Selection {
  const ofBundle = made.get(bundle) ?? {}
  made.set(bundle, ofBundle)
  ofBundle[kind] ??= createSelection(bundle, kind)
  return ofBundle[kind]
}

function createSelection(bundle: CompiledBundle, kind: RuleKind): Selection {
  // The other kind matters where it stops.
  const indexed = bundle.entries.filter(entry => entry.kind === kind || stops(entry))
  const index = createGlobIndex(indexed.map(entry => ({ on: entry.rule.document.on, value: entry })))
  const mixed = indexed.some(entry => entry.kind !== kind)

  return {
    bundle: bundle.hash,
    rules: new Map(bundle.entries.map(entry => [entry.rule.rule, entry])),
    match(subject, from) {
      const found = index.matchSubject(subject, from)
      return mixed && found.length > 0 && !found.some(entry => entry.kind === kind) ? NONE : found
    },
    wanting(entries, facts, failure) {
      // Most events that any rule looks at are looked at by one.
      if (entries.length === 1) return holds(entries[0]!, facts, failure) ? entries : NONE
      const cut = createCut()
      return entries.filter(
        entry => !cut.below(entry) && holds(entry, facts, failure) && cut.take(entry, facts) === kind,
      )
    },
    needsLookUp: (entries, facts, failure) =>
      entries.some(entry => {
        const seen = entry.ofFailure ? failure : facts
        return looksUp(entry) && seen !== undefined && entry.rule.mayHold(seen)
      }),
    async wantingAfterLookUp(entries, facts, lookUp, failure) {
      const known = await Promise.all(entries.map(entry => completed(entry, facts, lookUp, failure)))
      const cut = createCut()
      return known.filter((wanting): wanting is Wanting => {
        if (!wanting || cut.below(wanting.entry)) return false
        // One whose facts cannot be looked up stops too: what waits for a person is not done by others meanwhile.
        return cut.take(wanting.entry, wanting.facts) === kind
      })
    },
  }
}

/** What does nothing keeps no other from it. */
const stops = ({ rule, off, shadow }: Entry): boolean => rule.stop && !off && !shadow

/** Of `all_of`, that the event is one of those that it waits for. */
const counts = ({ rule: { stateful } }: Entry, facts: Facts): boolean =>
  stateful?.kind !== 'all_of' || stateful.steps(facts).length > 0

/** A rule that is off runs nobody's code: it matches where it may. A windowed one looks up before it renders. */
const looksUp = ({ rule, kind, off }: Entry): boolean => rule.lookups.length > 0 && kind === 'single' && !off

function holds({ rule, off, ofFailure }: Entry, facts: Facts, failure: Facts | undefined): boolean {
  const seen = ofFailure ? failure : facts
  if (seen === undefined) return false
  return off && rule.lookups.length > 0 ? rule.mayHold(seen) : rule.decide(seen)
}

async function completed(
  entry: Entry,
  facts: Facts,
  lookUp: LookUp,
  failure: Facts | undefined,
): Promise<Wanting | undefined> {
  const seen = entry.ofFailure ? failure : facts
  if (seen === undefined) return undefined
  if (!looksUp(entry)) return holds(entry, facts, failure) ? { entry, facts: seen } : undefined
  if (!entry.rule.mayHold(seen)) return undefined
  try {
    const complete = { ...seen, ...(await lookUp(entry.rule.lookups, seen)) }
    return entry.rule.decide(complete) ? { entry, facts: complete } : undefined
  } catch (problem) {
    return { entry, facts: seen, problem }
  }
}

/** The priority below which nobody gets the event any more. */
function createCut() {
  let lowest = Number.NEGATIVE_INFINITY
  return {
    below: ({ rule }: Entry) => rule.priority < lowest,
    take(entry: Entry, facts: Facts): RuleKind {
      if (stops(entry) && counts(entry, facts)) lowest = Math.max(lowest, entry.rule.priority)
      return entry.kind
    },
  }
}
