// What becomes of one match of a rule on an event: a reaction handed over, a suppression (off, shadow, loop), or a reaction
// that is parked because it cannot be rendered or held by a message. Each resolves once it is stored.
import type { Alarms } from '../alarms/alarms.ts'
import { errorMessage, ReactorError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { redactSecrets } from '../base/redact.ts'
import { parkReaction } from '../bus/park.ts'
import type { Publisher } from '../bus/publish.ts'
import type { ReactionAction } from '../protocol/job.ts'
import { type Parked, type ReactionEvent, type SuppressionReason, workKey } from '../protocol/reaction.ts'
import type { Subjects } from '../protocol/subject.ts'
import type { Sources } from '../protocol/trust.ts'
import { isTooLarge, type Settled } from './batches.ts'
import type { Entry } from './compiled-bundle.ts'
import type { HandOver } from './hand-over.ts'
import type { Loop, LoopGuard } from './loop.ts'
import type { Facts } from './rules/facts.ts'
import type { Suppressions } from './suppressions.ts'

export interface SettleParts {
  subjects: Subjects
  publisher: Publisher
  handOver: HandOver
  suppressions: Suppressions
  guard: LoopGuard
  alarms: Alarms
  log: Log
}

/** `settled` is told once what becomes of it is stored, or why it could not be. */
export interface Settle {
  match(entry: Entry, bundle: string, event: ReactionEvent, facts: Facts, sources: Sources, settled: Settled): void
  /** A rule that fails on an event is kept for a person, with the reason. */
  park(entry: Entry, bundle: string, event: ReactionEvent, problem: unknown, settled: Settled): void
  /** Reactions parked here since the start, by rule. */
  readonly parked: ReadonlyMap<string, number>
}

export function createSettle(parts: SettleParts): Settle {
  const { subjects, publisher, handOver, suppressions, guard, alarms, log } = parts
  const parked = new Map<string, number>()

  const hand = (entry: Entry, bundle: string, event: ReactionEvent, actions: ReactionAction[], settled: Settled) => {
    handOver.put(entry.handed, bundle, { event, actions }, error => {
      // No message can hold it: it would fail again at every delivery.
      if (isTooLarge(error)) told(park(entry, bundle, event, error), settled)
      else settled(error)
    })
  }

  const park = async ({ rule: { rule } }: Entry, bundle: string, event: ReactionEvent, problem: unknown) => {
    const reason = errorMessage(problem)
    if (!(problem instanceof ReactorError)) log.error({ rule, error: problem }, 'a rule failed on a defect')
    const kept: Parked = { key: workKey(event.id, rule), reason, reaction: { rule, bundle, event } }
    await parkReaction(publisher, subjects, kept)
    await suppressions.record({
      key: kept.key,
      rule,
      event: event.id,
      tag: event.tag,
      state: 'parked',
      ms: Math.max(0, Math.round(Date.now() - event.storedMs)),
      jids: [],
      reason: cut(reason, MAX_REASON),
    })
    parked.set(rule, (parked.get(rule) ?? 0) + 1)
  }

  const alarm = (rule: string, event: ReactionEvent, { cycle, why }: Loop) =>
    alarms.raise('loop', cycle.join(','), { rule, cycle, why, event: event.id, tag: event.tag })

  const match = (
    entry: Entry,
    bundle: string,
    event: ReactionEvent,
    facts: Facts,
    sources: Sources,
    settled: Settled,
  ): void => {
    const { rule, off, shadow } = entry
    const suppress = (reason: SuppressionReason, detail?: string) =>
      told(suppressions.add(rule.rule, reason, bundle, event, detail), settled)
    if (off) {
      suppress('off')
      return
    }
    const looped = shadow ? undefined : guard.check(rule, event)
    if (looped) {
      alarm(rule.rule, event, looped)
      suppress('loop', looped.cycle.join(','))
      return
    }
    let actions: ReactionAction[]
    try {
      actions = rule.render(facts, sources)
    } catch (error) {
      if (shadow) suppress('shadow', `fails: ${errorMessage(error)}`)
      else told(park(entry, bundle, event, error), settled)
      return
    }
    if (shadow) suppress('shadow', actions.map(action => describe(redactSecrets(action) as ReactionAction)).join('; '))
    else hand(entry, bundle, event, actions, settled)
  }

  return {
    parked,
    match,
    park: (entry, bundle, event, problem, settled) => told(park(entry, bundle, event, problem), settled),
  }
}

/** Tells of what is no hot path. */
function told(stored: Promise<void>, settled: Settled): void {
  stored.then(() => settled(undefined), settled)
}

/** Others choose the length of a reason; the ledger's entry is a message. */
const MAX_REASON = 4000
const cut = (text: string, most: number): string =>
  text.length > most ? `${text.slice(0, most - 1).toWellFormed()}…` : text

/** An action as one line: `local.service.restart web1 nginx force=true`. */
function describe({ kind, fun, tgt, arg, kwarg }: ReactionAction): string {
  const target = tgt === undefined ? [] : [[tgt].flat().join(',')]
  const values = [...arg.map(word), ...Object.entries(kwarg).map(([name, value]) => `${name}=${word(value)}`)]
  return [`${kind}.${fun}`, ...target, ...values].join(' ')
}

const word = (value: unknown): string =>
  typeof value === 'string' && /^[^\s"=;]+$/.test(value) ? value : (JSON.stringify(value) ?? 'null')
