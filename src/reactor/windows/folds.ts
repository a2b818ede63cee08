// The stateful rules, folded over the events in their order. What no rule of it wants costs an index lookup.
// Nothing here waits or reads a clock: time is when events were stored, and what `advance` is told.
import { errorMessage } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import { type RawEvent, readContent } from '../../protocol/event.ts'
import { formatOrigin } from '../../protocol/origin.ts'
import type { CompiledBundle, Entry } from '../compiled-bundle.ts'
import { factsOf, type GrainsOf } from '../event-facts.ts'
import { findLoop } from '../loop.ts'
import type { Facts } from '../rules/facts.ts'
import { createGlobIndex, type GlobIndex } from '../rules/glob-index.ts'
import { type Selection, selectionOf } from '../select.ts'
import type { SavedRule } from './checkpoint.ts'
import { createRuleFold, definitionOf, type RuleFold } from './rule-fold.ts'
import { boundedKey, factsOfTrigger, timeOf, triggerOf } from './trigger.ts'
import type { Bounds, Output, Trigger, WindowEvent } from './window.ts'

export interface FoldsParts extends Bounds {
  /** `<ns>.event.` */
  prefix: string
  grainsOf: GrainsOf
  /** Each in turn; it must not throw. */
  emit(entry: Entry, bundle: string, output: Output): void
  /** A rule has more keys than are kept. */
  gaveWay(rule: string): void
  log: Log
}

/** The state of one rule. */
export interface Folding {
  entry: Entry
  definition: string
  fold: RuleFold
  /** Events up to this sequence are in it, or are none of its own. */
  from: number
  /** It has changed since it was saved. */
  changed: boolean
}

export interface Folds {
  readonly rules: ReadonlyMap<string, Folding>
  /** Rules of the bundle whose state is not here: they are new, or other than they were. */
  unknown(bundle: CompiledBundle): Entry[]
  /** What is unknown begins behind `from`, or with what `saved` has for it. */
  use(bundle: CompiledBundle, from: number, saved?: ReadonlyMap<string, SavedRule>): void
  /** Every rule has had the events up to `seq`. */
  reached(seq: number): void
  handle(event: RawEvent): void
  /** Has all happen that is due by then. */
  advance(now: number): void
  /** Who is known from `now` on; true where that changed anything. */
  expect(minions: () => ReadonlySet<string>, now: number): boolean
  /** No deadline is earlier. */
  next(): number | undefined
  /** The latest time that it was told. */
  now(): number
  /** What is behind `seq` was lost, and comes under the same sequences as something else. */
  backTo(seq: number): void
  /** Events that a rule wanted. */
  folded(): number
}

export function createFolds(parts: FoldsParts): Folds {
  const { prefix, grainsOf, emit, gaveWay, log, late } = parts
  const rules = new Map<string, Folding>()
  let selection: Selection = selectionOf({ hash: '', entries: [] }, 'windowed')
  let untils: GlobIndex<Folding> = createGlobIndex<Folding>([])
  let bundleHash = ''
  let logical = 0
  let nextDue: number | undefined
  let folded = 0

  const open = (entry: Entry, definition: string, from: number): Folding => {
    const { rule } = entry
    const key = (trigger: Trigger) => boundedKey(rule.stateful!.throttleKey(factsOfTrigger(trigger, grainsOf)))
    return { entry, definition, from, changed: true, fold: createRuleFold(rule.document, key, parts) }
  }
  const give = (folding: Folding, outputs: readonly Output[]) => {
    for (const output of outputs) emit(folding.entry, bundleHash, output)
  }
  const sooner = (at: number | undefined) => {
    if (at !== undefined && (nextDue === undefined || at < nextDue)) nextDue = at
  }
  const run = (now: number, seq: number) => {
    if (nextDue === undefined || nextDue > now) return
    nextDue = undefined
    for (const folding of rules.values()) {
      const at = folding.fold.next()
      // A rule that is ahead of this event has had its time.
      if (at !== undefined && at <= now && folding.from < seq) {
        folding.changed = true
        give(folding, folding.fold.due(now, folding.entry.off))
      }
      sooner(folding.fold.next())
    }
  }

  const fold = (raw: RawEvent, candidates: readonly Entry[], ending: readonly Folding[]) => {
    const { seq, storedMs } = raw
    logical = Math.max(logical, storedMs)
    const now = logical
    run(now, seq)
    const read = readContent(prefix, raw)
    if (!read.ok) return log.warn({ problem: read.problem, seq }, 'a malformed event is passed over')
    const { content } = read
    if (!content.believed) {
      const { tag, origin } = content
      return log.warn(
        { tag, origin: formatOrigin(origin), seq },
        'an event is passed over: its sender speaks of others',
      )
    }
    const facts = factsOf(content, grainsOf)
    const wanting = candidates.length === 0 ? candidates : selection.wanting(candidates, facts)
    let event: Omit<WindowEvent, 'key' | 'steps' | 'until'> | undefined
    const take = (folding: Folding, until: boolean) => {
      if (folding.from >= seq) return
      // A consumer whose node was killed may begin once more where it began.
      folding.from = seq
      event ??= { trigger: triggerOf(content, raw), at: timeOf(content, storedMs, late), now, bytes: raw.text().length }
      foldOne(folding, event, facts, until)
    }
    for (const { rule } of wanting) {
      const folding = rules.get(rule.rule)
      if (folding) take(folding, false)
    }
    for (const folding of ending) {
      if (!wanting.includes(folding.entry)) take(folding, true)
    }
  }

  const foldOne = (
    folding: Folding,
    event: Omit<WindowEvent, 'key' | 'steps' | 'until'>,
    facts: Facts,
    until: boolean,
  ) => {
    folded++
    const { entry, fold } = folding
    // What would be cut at the end must not open, fill or complete a window: others would be cut with it.
    const { trigger } = event
    if (!until && !entry.shadow && findLoop(entry.rule, trigger.event))
      return emit(entry, bundleHash, { do: 'loop', event: trigger.event, trigger })
    folding.changed = true
    const stateful = entry.rule.stateful!
    let key: string
    try {
      key = boundedKey(stateful.windowKey(facts))
    } catch (problem) {
      return emit(entry, bundleHash, { do: 'fail', event: event.trigger.event, problem })
    }
    const dropped = fold.dropped()
    give(folding, fold.event({ ...event, key, steps: stateful.steps(facts), until }, entry.off))
    if (fold.dropped() > dropped) gaveWay(entry.rule.rule)
    sooner(fold.next())
  }

  return {
    rules,
    unknown: bundle =>
      windowed(bundle).filter(({ rule }) => rules.get(rule.rule)?.definition !== definitionOf(rule.document)),
    use(bundle, from, saved) {
      const before = new Map(rules)
      rules.clear()
      for (const entry of windowed(bundle)) {
        const { rule } = entry.rule
        const definition = definitionOf(entry.rule.document)
        const there = before.get(rule)
        if (there?.definition === definition) {
          rules.set(rule, { ...there, entry })
          continue
        }
        const kept = saved?.get(rule)
        const folding = open(entry, definition, from)
        if (kept?.definition === definition) restore(folding, kept, log)
        rules.set(rule, folding)
      }
      bundleHash = bundle.hash
      selection = selectionOf(bundle, 'windowed')
      const expecting = [...rules.values()].flatMap(value => {
        const on = value.entry.rule.document.absent?.until
        return on ? [{ on, value }] : []
      })
      untils = createGlobIndex(expecting)
      nextDue = undefined
      for (const { fold } of rules.values()) sooner(fold.next())
    },
    reached(seq) {
      for (const folding of rules.values()) folding.from = Math.max(folding.from, seq)
    },
    handle(event) {
      const { subject } = event
      const from = subject.indexOf('.', prefix.length) + 1
      const candidates = selection.match(subject, from)
      const ending = untils.matchSubject(subject, from)
      if (candidates.length > 0 || ending.length > 0) fold(event, candidates, ending)
    },
    advance(now) {
      logical = Math.max(logical, now)
      run(logical, Number.POSITIVE_INFINITY)
    },
    expect(minions, now) {
      let changed = false
      logical = Math.max(logical, now)
      for (const folding of rules.values()) {
        if (!folding.fold.expect) continue
        const dropped = folding.fold.dropped()
        const outputs = folding.fold.expect(minions(), logical)
        if (outputs) {
          give(folding, outputs)
          folding.changed = true
          changed = true
        }
        if (folding.fold.dropped() > dropped) gaveWay(folding.entry.rule.rule)
        sooner(folding.fold.next())
      }
      return changed
    },
    next: () => nextDue,
    now: () => logical,
    backTo(seq) {
      for (const folding of rules.values()) folding.from = Math.min(folding.from, seq)
    },
    folded: () => folded,
  }
}

const windowed = ({ entries }: CompiledBundle): Entry[] => entries.filter(({ kind }) => kind === 'windowed')

/** Its state is JSON that this program wrote; one that it cannot read any more is begun anew. */
function restore(folding: Folding, { seq, state }: SavedRule, log: Log): void {
  try {
    folding.fold.restore(state)
    folding.from = seq
    folding.changed = false
  } catch (error) {
    log.error({ rule: folding.entry.rule.rule, error: errorMessage(error) }, 'the state of a rule cannot be read')
  }
}
