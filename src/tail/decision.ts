// Decisions as they pass by on `<ns>.decision.>`: a reaction stored, retried, done, dropped or waiting for a person, and matches
// that asked for nothing.

import { cleanText } from '../base/clean.ts'
import { formatDuration } from '../base/duration.ts'
import { errorMessage } from '../base/errors.ts'
import { isObject } from '../base/json.ts'
import { redactSecrets } from '../base/redact.ts'
import type { ReactionAction } from '../protocol/job.ts'
import {
  batchesOf,
  type Decision,
  type DecisionBatch,
  type Parked,
  type Reaction,
  type ReactionBatch,
  type Suppression,
} from '../protocol/reaction.ts'
import type { Style } from './colour.ts'
import { brief } from './digest.ts'

/** One decision; `event` is what is known of the event that caused it. */
export type SeenDecision =
  | {
      state: 'stored'
      rule: string
      event: Reaction['event']
      actions: ReactionAction[]
      bundle: string
      attempt?: number
    }
  | { state: 'parked' | 'held'; rule: string; event: Reaction['event']; reason: string; attempt?: number }
  | { state: 'ended'; rule: string; event: { id: string; tag?: string }; decision: Decision }
  | SeenSuppression

/** Matches of one rule that asked for nothing: of a shadow one by one, with what would have been done, else together. */
export interface SeenSuppression {
  state: 'suppressed'
  rule: string
  reason: string
  /** The last of them. */
  event: { id: string; tag: string }
  events: { id: string; tag: string }[]
  detail?: string
}

/**
 * Reads a message below `prefix` (`<ns>.decision.`): none for what this version does not know, and for retries, which their
 * decision tells. Throws on a malformed body.
 */
export function readDecisions(prefix: string, subject: string, text: string): SeenDecision[] {
  const [kind, lane] = subject.slice(prefix.length).split('.', 2)
  try {
    const body: unknown = JSON.parse(text)
    if (kind === 'reaction') return lane === 'retry' ? [] : batchesOf(body).flatMap(readStored)
    if (!isObject(body)) throw new Error('no map')
    if (kind === 'parked') return [readParked(body)]
    return kind === 'done' ? readEnded(body) : []
  } catch (error) {
    throw new Error(`a decision on '${subject.slice(0, 120)}' is malformed: ${errorMessage(error)}`)
  }
}

function readStored(batch: ReactionBatch): SeenDecision[] {
  if (!isObject(batch)) throw new Error('no map')
  const { rule, bundle, reactions } = batch
  if (typeof rule !== 'string' || !Array.isArray(reactions)) throw new Error('expected {rule, bundle, reactions}')
  return reactions.map(({ event, actions, attempt }) => {
    if (!Array.isArray(actions)) throw new Error('expected reactions of {event, actions}')
    // A rule that holds a secret in plain text is no reason to show it to everybody who looks.
    const shown = redactSecrets(actions) as ReactionAction[]
    const stored = { state: 'stored' as const, rule, event: eventOf(event), actions: shown, bundle: String(bundle) }
    return attempt === undefined ? stored : { ...stored, attempt: Number(attempt) }
  })
}

function readParked(body: Record<string, unknown>): SeenDecision {
  const { state, reason, reaction, attempt } = body as unknown as Parked
  if (typeof reaction?.rule !== 'string') throw new Error('expected {reason, reaction}')
  const parked = {
    state: state === 'held' ? ('held' as const) : ('parked' as const),
    ...{ rule: reaction.rule, event: eventOf(reaction.event), reason: String(reason) },
  }
  return attempt === undefined ? parked : { ...parked, attempt: Number(attempt) }
}

function readEnded(body: Record<string, unknown>): SeenDecision[] {
  const { decisions, suppressed = [] } = body as unknown as DecisionBatch
  if (!Array.isArray(decisions) || !Array.isArray(suppressed)) throw new Error('expected {worker, decisions}')
  const ended = decisions.map(decision => ({
    state: 'ended' as const,
    rule: String(decision.rule),
    event: { id: String(decision.event), ...(typeof decision.tag === 'string' ? { tag: decision.tag } : {}) },
    decision,
  }))
  return [...ended, ...suppressed.flatMap(readSuppression)]
}

function readSuppression({ rule, reason, events, details }: Suppression): SeenSuppression[] {
  if (typeof rule !== 'string' || !Array.isArray(events))
    throw new Error('expected suppressed: [{rule, reason, events}]')
  const all = events.map(event => ({ id: String(event?.id), tag: String(event?.tag) }))
  if (all.length === 0) return []
  const common = { state: 'suppressed' as const, rule, reason: String(reason) }
  if (reason === 'shadow')
    return all.map((event, index) => ({
      ...{ ...common, event, events: [event] },
      ...(details?.[index] === undefined ? {} : { detail: String(details[index]) }),
    }))
  return [
    {
      ...{ ...common, event: all.at(-1)!, events: all },
      ...(details && details.length > 0 ? { detail: details.map(String).join(' → ') } : {}),
    },
  ]
}

function eventOf(event: unknown): Reaction['event'] {
  if (!isObject(event) || typeof event.id !== 'string' || typeof event.tag !== 'string')
    throw new Error('expected an event with id and tag')
  return event as unknown as Reaction['event']
}

/** What a decision says, in words, at most about `budget` columns of it. */
export function decisionText(seen: SeenDecision, budget: number, nowMs = Date.now()): { style: Style; text: string } {
  const rule = cleanText(seen.rule)
  switch (seen.state) {
    case 'stored': {
      const actions = seen.actions.map(action => actionText(action, seen.actions.length === 1, budget)).join(', ')
      return { style: 'rule', text: `rule ${rule}${nth(seen.attempt)} → ${actions || 'nothing to do'}` }
    }
    case 'suppressed':
      return { style: 'dim', text: suppressionText(seen, rule) }
    case 'ended':
      return endText(seen.decision, rule, nowMs)
    default:
      return waitingText(seen.state, rule, seen.attempt, seen.reason)
  }
}

const nth = (attempt: number | undefined): string => (Number(attempt ?? 1) > 1 ? ` (attempt ${Number(attempt)})` : '')

const waitingText = (state: 'parked' | 'held', rule: string, attempt: number | undefined, reason: unknown) => ({
  style: state === 'held' ? ('auth' as const) : ('bad' as const),
  text: `${state === 'held' ? '?' : '✗'} ${rule} ${state}${nth(attempt)}: ${cleanText(String(reason ?? ''))}`,
})

function endText(
  { state, ms, jids, reason, attempt, next, by }: Decision,
  rule: string,
  nowMs: number,
): { style: Style; text: string } {
  const jobs =
    Array.isArray(jids) && jids.length > 0 ? ` (jid ${jids.map(jid => cleanText(String(jid))).join(', ')})` : ''
  const why = reason === undefined ? '' : `: ${cleanText(String(reason))}`
  const who = by === undefined ? '' : ` by ${cleanText(String(by))}`
  switch (state) {
    case 'parked':
    case 'held': {
      const { style, text } = waitingText(state, rule, attempt, reason)
      return { style, text: text + jobs }
    }
    case 'retrying': {
      const when = by === undefined && next !== undefined ? ` ${due(Number(next) - nowMs)}` : ''
      return { style: 'auth', text: `↻ ${rule} retrying${who}${when}${nth(Number(attempt ?? 1) + 1)}${why}${jobs}` }
    }
    case 'dropped':
      return { style: 'dim', text: `– ${rule} dropped${nth(attempt)}${who}${why}${jobs}` }
    default:
      return {
        style: 'good',
        text: `✓ ${rule} ${cleanText(String(state))}${nth(attempt)} in ${took(Number(ms))}${jobs}`,
      }
  }
}

const due = (ms: number): string =>
  ms > 0 ? `in ${formatDuration(Math.max(1000, Math.round(ms / 1000) * 1000))}` : 'now'

function suppressionText({ reason, events, detail }: SeenSuppression, rule: string): string {
  const text = detail === undefined ? '' : cleanText(detail)
  if (reason === 'shadow') return `rule ${rule} (shadow) → ${text || 'nothing to do'}`
  const why = `${cleanText(reason)}${text ? `: ${text}` : ''}`
  return events.length === 1
    ? `rule ${rule}: suppressed (${why})`
    : `rule ${rule}: ${events.length} suppressed (${why})`
}

const took = (ms: number) => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`)

/** `local.service.restart web1`; the arguments too, where it is the only action. */
export function actionText(action: ReactionAction, alone: boolean, budget: number): string {
  const target =
    action.tgt === undefined
      ? ''
      : ` ${typeof action.tgt === 'string' ? cleanText(action.tgt) : brief(action.tgt, budget)}`
  const named = Object.entries(action.kwarg ?? {}).map(([key, value]) => `${cleanText(key)}=${brief(value, budget)}`)
  const args = alone
    ? [...(action.arg ?? []).map(value => brief(value, budget)), ...named].map(text => ` ${text}`).join('')
    : ''
  return `${action.kind}.${cleanText(String(action.fun))}${target}${args}`
}
