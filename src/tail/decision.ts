// Decisions as they pass by on `<ns>.decision.>`: a reaction stored, done, or parked.

import { cleanText } from '../base/clean.ts'
import { errorMessage } from '../base/errors.ts'
import { isObject } from '../base/json.ts'
import { redactSecrets } from '../base/redact.ts'
import type { ReactionAction } from '../protocol/job.ts'
import type { Decision, Parked, Reaction } from '../protocol/reaction.ts'
import { brief } from './digest.ts'

/** One decision; `event` is what is known of the event that caused it. */
export type SeenDecision =
  | { state: 'stored'; rule: string; event: Reaction['event']; actions: ReactionAction[]; bundle: string }
  | { state: 'parked'; rule: string; event: Reaction['event']; reason: string }
  | { state: 'ended'; rule: string; event: { id: string }; decision: Decision }

/** Reads a message below `prefix` (`<ns>.decision.`): none for what this version does not know. Throws on a malformed body. */
export function readDecisions(prefix: string, subject: string, text: string): SeenDecision[] {
  const kind = subject.slice(prefix.length).split('.', 1)[0]
  try {
    const body: unknown = JSON.parse(text)
    if (!isObject(body)) throw new Error('no map')
    if (kind === 'reaction') {
      const { rule, event, actions, bundle } = body as unknown as Reaction
      if (typeof rule !== 'string' || !Array.isArray(actions)) throw new Error('expected {rule, event, actions}')
      // A rule that holds a secret in plain text is no reason to show it to everybody who looks.
      const shown = redactSecrets(actions) as ReactionAction[]
      return [{ state: 'stored', rule, event: eventOf(event), actions: shown, bundle: String(bundle) }]
    }
    if (kind === 'parked') {
      const { reason, reaction } = body as unknown as Parked
      if (typeof reaction?.rule !== 'string') throw new Error('expected {reason, reaction}')
      return [{ state: 'parked', rule: reaction.rule, event: eventOf(reaction.event), reason: String(reason) }]
    }
    if (kind === 'done') {
      const { decisions } = body as unknown as { decisions: Decision[] }
      if (!Array.isArray(decisions)) throw new Error('expected {worker, decisions}')
      return decisions.map(decision => ({
        state: 'ended',
        rule: String(decision.rule),
        event: { id: String(decision.event) },
        decision,
      }))
    }
    return []
  } catch (error) {
    throw new Error(`a decision on '${subject.slice(0, 120)}' is malformed: ${errorMessage(error)}`)
  }
}

function eventOf(event: unknown): Reaction['event'] {
  if (!isObject(event) || typeof event.id !== 'string' || typeof event.tag !== 'string')
    throw new Error('expected an event with id and tag')
  return event as unknown as Reaction['event']
}

/** What a decision says, in words, at most about `budget` columns of it. */
export function decisionText(seen: SeenDecision, budget: number): { style: 'rule' | 'good' | 'bad'; text: string } {
  const rule = cleanText(seen.rule)
  if (seen.state === 'stored')
    return {
      style: 'rule',
      text: `rule ${rule} → ${seen.actions.map(action => actionText(action, seen.actions.length === 1, budget)).join(', ') || 'nothing to do'}`,
    }
  if (seen.state === 'parked') return { style: 'bad', text: `✗ ${rule} parked: ${cleanText(seen.reason)}` }
  const { state, ms, jids, reason } = seen.decision
  const jobs =
    Array.isArray(jids) && jids.length > 0 ? ` (jid ${jids.map(jid => cleanText(String(jid))).join(', ')})` : ''
  if (state === 'parked') return { style: 'bad', text: `✗ ${rule} parked: ${cleanText(String(reason ?? ''))}${jobs}` }
  return { style: 'good', text: `✓ ${rule} ${cleanText(String(state))} in ${took(Number(ms))}${jobs}` }
}

const took = (ms: number) => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`)

/** `local.service.restart web1`; the arguments too, where it is the only action. */
function actionText(action: ReactionAction, alone: boolean, budget: number): string {
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
