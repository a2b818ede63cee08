// What becomes of one match of a rule on an event: a reaction handed over, a suppression (off, shadow, loop), or a reaction
// that is parked because it cannot be rendered or held by a message. Each resolves once it is stored.
import type { Alarms } from '../alarms/alarms.ts'
import { errorMessage, ReactorError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { redactSecrets } from '../base/redact.ts'
import { cut } from '../base/text.ts'
import { createFire } from '../bus/fire.ts'
import { fireFailure } from '../bus/fire-failure.ts'
import { parkReaction } from '../bus/park.ts'
import type { Publisher } from '../bus/publish.ts'
import { formatStamp } from '../protocol/event.ts'
import type { SeenFacts } from '../protocol/failure.ts'
import type { ReactionAction } from '../protocol/job.ts'
import { isOfService, serviceOrigin } from '../protocol/origin.ts'
import { type Parked, type ReactionEvent, type SuppressionReason, workKey } from '../protocol/reaction.ts'
import type { Subjects } from '../protocol/subject.ts'
import type { Sources } from '../protocol/trust.ts'
import { isTooLarge, type Settled } from './batches.ts'
import type { Entry } from './compiled-bundle.ts'
import { describeAction } from './describe-action.ts'
import { type HandOver, STORE_WITHIN_MS } from './hand-over.ts'
import { findLoop, type Loop, type LoopGuard } from './loop.ts'
import { createLoopAlarm } from './loop-alarm.ts'
import { createParks, MOST_STORED } from './parks.ts'
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
  /**
   * A rule that fails on an event is kept for a person, with the reason, and told to its `on_failure` with the `facts` that it
   * had; of one in shadow it is recorded.
   */
  park(entry: Entry, bundle: string, event: ReactionEvent, problem: unknown, settled: Settled, facts?: Facts): void
  /** Reactions parked here since the start, by rule. */
  readonly parked: ReadonlyMap<string, number>
}

export function createSettle(parts: SettleParts): Settle {
  const { subjects, publisher, handOver, suppressions, guard, alarms, log } = parts
  const fire = createFire(publisher, subjects, serviceOrigin('_reactor'))
  const parked = new Map<string, number>()
  const parks = createParks()
  const told = createLoopAlarm(alarms)
  let refused = false

  const hand = (
    entry: Entry,
    bundle: string,
    event: ReactionEvent,
    actions: ReactionAction[],
    facts: Facts,
    settled: Settled,
  ) => {
    const reaction =
      wantsFailures(entry) && entry.kind === 'windowed' ? { event, actions, seen: seenIn(facts) } : undefined
    handOver.put(entry.handed, bundle, reaction ?? { event, actions }, error => {
      // No message can hold it: it would fail again at every delivery.
      if (isTooLarge(error)) answer(park(entry, bundle, event, error, facts), settled)
      else settled(error)
    })
  }

  /** What keeps it from being stored; undefined: it is. */
  const storeParked = async (kept: Parked, rule: string): Promise<string | undefined> => {
    if (!parks.hasRoom(rule)) return `more than ${MOST_STORED} of the rule were parked within an hour`
    try {
      await parkReaction(publisher, subjects, kept, { deadlineMs: STORE_WITHIN_MS })
    } catch (error) {
      if (!(error instanceof ReactorError && error.code === 'store_refused')) throw error
      refused = true
      alarms.raise('parked', '', { rule, reason: error.message })
      return `the store of parked reactions took no more: ${error.message}`
    }
    if (refused) alarms.clear('parked', '')
    refused = false
    return undefined
  }

  /** Others are not held up by what cannot be parked: the ledger has all that it takes to decide on its event anew. */
  const park = async (entry: Entry, bundle: string, event: ReactionEvent, problem: unknown, facts?: Facts) => {
    const { rule } = entry.rule
    const reason = cut(errorMessage(problem), MAX_REASON)
    if (entry.off) return suppressions.add(rule, 'off', bundle, event)
    if (entry.shadow) return suppressions.add(rule, 'shadow', bundle, event, `fails: ${reason}`)
    if (!(problem instanceof ReactorError)) log.error({ rule, error: problem }, 'a rule failed on a defect')
    const key = workKey(event.id, rule)
    // Its event alone does not give back what it is to be rendered on.
    const collected = entry.kind === 'windowed' && facts ? { seen: seenIn(facts) } : {}
    const missing = await storeParked({ key, reason, reaction: { rule, bundle, event, ...collected } }, rule)
    if (wantsFailures(entry)) {
      const { tag, origin } = event
      const seen = facts ? seenIn(facts) : { tag, origin, stamp: formatStamp(event.storedMs), data: {} }
      await fireFailure(fire, { attempt: key, rule, reason, attempts: 1, jids: [], event, seen })
    }
    await suppressions.record({
      key,
      rule,
      event: event.id,
      tag: event.tag,
      state: 'parked',
      ms: Math.max(0, Math.round(Date.now() - event.storedMs)),
      jids: [],
      reason: missing === undefined ? reason : `${reason} (nothing but this record is kept of it: ${missing})`,
      ...(missing === undefined ? {} : { seq: event.seq }),
    })
    parked.set(rule, (parked.get(rule) ?? 0) + 1)
    if (parks.failed(rule)) alarms.raise('rule', rule, { rule, key, reason })
  }

  const looped = ({ rule, kind }: Entry, event: ReactionEvent): Loop | undefined =>
    // A window is of many events: the rate of whoever sent the one that opened it is not theirs.
    kind === 'windowed' && !isOfService(event.origin) ? findLoop(rule, event) : guard.check(rule, event)

  const decide = (
    entry: Entry,
    bundle: string,
    event: ReactionEvent,
    facts: Facts,
    sources: Sources,
    settled: Settled,
  ): void => {
    const { rule, off, shadow } = entry
    const suppress = (reason: SuppressionReason, detail?: string) =>
      answer(suppressions.add(rule.rule, reason, bundle, event, detail), settled)
    if (off) {
      suppress('off')
      return
    }
    const loop = shadow ? undefined : looped(entry, event)
    if (loop) {
      const { cycle, why } = loop
      told.loop(rule.rule, { rule: rule.rule, cycle, why, event: event.id, tag: event.tag })
      suppress('loop', cycle.join(','))
      return
    }
    const actions = rule.render(facts, sources)
    parks.succeeded(rule.rule)
    if (shadow)
      suppress('shadow', actions.map(action => describeAction(redactSecrets(action) as ReactionAction)).join('; '))
    else hand(entry, bundle, event, actions, facts, settled)
  }

  return {
    parked,
    match(entry, bundle, event, facts, sources, settled) {
      try {
        decide(entry, bundle, event, facts, sources, settled)
      } catch (error) {
        answer(park(entry, bundle, event, error, facts), settled)
      }
    },
    park: (entry, bundle, event, problem, settled, facts) =>
      answer(park(entry, bundle, event, problem, facts), settled),
  }
}

const wantsFailures = ({ handed }: Entry): boolean => handed.policy?.on_failure === true

/** What is not in it is looked up anew. */
const seenIn = ({ tag, origin, stamp, data, window }: Facts): SeenFacts => ({
  ...{ tag, origin, stamp, data },
  ...(window ? { window: { ...window } } : {}),
})

/** Tells of what is no hot path. */
function answer(stored: Promise<void>, settled: Settled): void {
  stored.then(() => settled(undefined), settled)
}

/** Others choose the length of a reason; the ledger's entry is a message. */
const MAX_REASON = 4000
