// What is told of reactions and of rules: the shapes of `<ns>.history.reactions` and `.rules`, of the runner functions
// `reactions.*` and `rules.*`, and of the commands that print them.
import type { ReactionAction } from './job.ts'
import type { DecisionState, ReactionPolicy, SuppressionReason } from './reaction.ts'

/** `waiting`: decided, and not executed yet. */
export const REACTION_STATES = ['waiting', 'retrying', 'parked', 'held', 'done', 'dropped', 'suppressed'] as const
export type ReactionState = (typeof REACTION_STATES)[number]

export interface ReactionView {
  /** Its work key, `<event id>/<rule>`: what `show`, `retry`, `drop`, `approve` and `deny` take. */
  key: string
  rule: string
  event: string
  tag: string
  state: ReactionState
  /** Absent: 1. */
  attempt?: number
  /** When it came into this state, milliseconds since the epoch. */
  at: number
  /** From the storing of its event, milliseconds. */
  ms?: number
  jids?: string[]
  /** Why it is parked, held, dropped or retried; of `suppressed` one of SuppressionReason. */
  reason?: string
  detail?: string
  next?: number
  by?: string
  /** Of `parked` where nothing more than this record is kept of it: its event in EVENTS. */
  seq?: number
}

export interface ReactionsRequest {
  rule?: string | string[]
  state?: ReactionState | ReactionState[]
  /** Milliseconds since the epoch. */
  since?: number
  until?: number
  /** One reaction: all that is recorded of it, the latest first; no other filter counts. */
  key?: string
  limit?: number
  /** The `cursor` of the page before. */
  before?: string
}

export interface ReactionsPage {
  /** Newest first. */
  reactions: ReactionView[]
  /** There are more; ask with it as `before`. */
  cursor?: string
}

/** All that is known of one reaction. */
export interface ReactionDetail extends ReactionView {
  /** Hash of the bundle that decided; with the next three, while it waits for something: what is done is its jobs. */
  bundle?: string
  policy?: ReactionPolicy
  /** Rendered, secrets redacted; null: it could not be rendered. */
  actions?: ReactionAction[] | null
  chain?: string
  /** What is recorded of it, the latest first. */
  history: ReactionView[]
  /** Its event, while that is stored; secrets redacted. */
  cause?: { seq: number; tag: string; origin: string; stamp: string; data: Record<string, unknown> }
}

export const REACTION_OPERATIONS = ['retry', 'drop', 'approve', 'deny'] as const
export type ReactionOperation = (typeof REACTION_OPERATIONS)[number]

/** What became of what a person asked for. */
export interface ReactionResult {
  key: string
  ok: boolean
  /** The state that it was in; null: nothing is known of it. */
  was: ReactionState | null
  comment: string
}

/** Counts of one rule since the cache was made. */
export interface RuleCounts {
  rule: string
  states: Partial<Record<DecisionState, number>>
  suppressed: Partial<Record<SuppressionReason, number>>
  /** When it last asked for something, and when one was last suppressed; milliseconds since the epoch. */
  last_fired?: number
  last_suppressed?: number
  last_error?: { at: number; reason: string }
}
