// The shapes of reactions and decisions: what one matched rule asks for on one event, and what became of it.
import type { SeenFacts } from './failure.ts'
import type { ReactionAction } from './job.ts'

/** The event that a reaction is about; of a window (count, group, absent, …) the one that opened or completed it. */
export interface ReactionEvent {
  /** Names the work. */
  id: string
  /** The id that the event itself has, where `id` is that of a window: a sender may give one id to many events. */
  own?: string
  tag: string
  origin: string
  /** In EVENTS; 0 where there is none (a schedule's slot, an absence). */
  seq: number
  storedMs: number
  hops: number
  /** Rules in the chain of causes of the event, oldest first, joined by commas; absent: none. */
  chain?: string
}

/** How a rule's reactions are executed: recorded with each, so that what is pending runs as it was decided. Absent: the default. */
export interface ReactionPolicy {
  /** Attempts in all; default 1. */
  attempts?: number
  /** Shortest and longest wait before another attempt, milliseconds; doubled from one to the next, with jitter. */
  backoff?: [number, number]
  /** Reactions of the rule that run at once; default: the worker's own `jobs.concurrency`. */
  concurrency?: number
  /** Most minions that its targets may mean together before it is held for a person; `'10%'`: of those that are known. */
  max_targets?: number | string
  /** What becomes of an action that may have been done and may not be done twice; default `park`. */
  on_unknown?: 'park' | 'retry' | 'drop'
  /** The rule has `on_failure`: its final failure is an event, `salt/reactor/failed/<rule>`. */
  on_failure?: true
}

/** One matched rule on one event, with its actions rendered. */
export interface Reaction {
  rule: string
  /** Hash of the bundle that decided. */
  bundle: string
  event: ReactionEvent
  actions: ReactionAction[]
  policy?: ReactionPolicy
  /** Which attempt this is, from 1 (the default) on. Each is a piece of work of its own, with its own entry in the ledger. */
  attempt?: number
  /** What is left to do, where an attempt did a part; absent: all. */
  left?: LeftAction[]
  /** A person has allowed its targets. */
  approved?: true
  /** Of a rule over many events with `on_failure`. */
  seen?: SeenFacts
}

/**
 * The index of an action, and the attempt whose job it is: that of an earlier one where its job still stands, for minions
 * that were away. `minions`: those of its target that did not take it, where others did; absent: all that the target means.
 */
export type LeftAction = [index: number, attempt: number, minions?: string[]]

/** A message of REACTIONS: reactions of one rule and bundle that were decided together. */
export interface ReactionBatch extends Pick<Reaction, 'rule' | 'bundle' | 'policy'> {
  reactions: Omit<Reaction, 'rule' | 'bundle' | 'policy'>[]
}

/**
 * In the place of the rule in the subject of a message that holds batches of many rules, as a list: where many fire in one turn,
 * a message each would cost what they save. No rule is called so.
 */
export const MIXED = '_'

/** The batches of a message of REACTIONS, of one rule or of many. */
export const batchesOf = (body: unknown): ReactionBatch[] => (Array.isArray(body) ? body : [body]) as ReactionBatch[]

/** Names a window by the event that opened or completed it: by an id that a sender gives twice it would be taken for another. */
export const windowId = (eventId: string, storedMs: number): string => `${eventId}@${Math.floor(storedMs)}`

/** Names the work over every redelivery, over edits of its rule and over new streams. */
export const workKey = (eventId: string, rule: string): string => `${eventId}/${rule}`

/** The work of one attempt: the key itself, and from the second attempt on with its number. Event ids and rules have no `#` last. */
export const attemptKey = (key: string, attempt = 1): string => (attempt === 1 ? key : `${key}#${attempt}`)

/** The work of one action of a reaction: its jid is derived from it, anew for each attempt. */
export const actionKey = (key: string, index: number, attempt: number): string => `${key}/${index}/${attempt}`

/** What receivers tell repeats by (Message-ID, Idempotency-Key): the action, whichever attempt it is. */
export const effectKey = (action: string): string => action.slice(0, action.lastIndexOf('/'))

/** `dropped`: a person, or the rule's own `on_unknown`, let go of it. */
export const DECISION_STATES = ['done', 'retrying', 'parked', 'held', 'dropped'] as const
export type DecisionState = (typeof DECISION_STATES)[number]

/** One entry of the ledger: what became of one attempt of a reaction. */
export interface Decision {
  key: string
  rule: string
  /** Id and tag of its event. */
  event: string
  tag: string
  state: DecisionState
  /** Absent: 1. */
  attempt?: number
  /** Milliseconds from the storing of the event to this decision. */
  ms: number
  jids: string[]
  reason?: string
  /** Of `retrying`: when the next attempt is due, milliseconds since the epoch. */
  next?: number
  /** Of `retrying`: what the next attempt does, where this one did a part. */
  left?: LeftAction[]
  /** Who retried, dropped, approved or denied it. */
  by?: string
  /** Of `parked` where nothing of it waits in PARKED: its event in EVENTS, on which it is decided anew. */
  seq?: number
}

export const SUPPRESSIONS = ['throttle', 'window', 'loop', 'shadow', 'off'] as const
export type SuppressionReason = (typeof SUPPRESSIONS)[number]

/** Matches of one rule that ask for nothing, with why: one entry for many events. */
export interface Suppression {
  rule: string
  reason: SuppressionReason
  bundle: string
  events: { id: string; tag: string }[]
  /** Of `loop`: the names of its cycle. Of `shadow`, one text an event: what would have been done. */
  details?: string[]
}

/** A message of DONE. */
export interface DecisionBatch {
  worker: string
  decisions: Decision[]
  suppressed?: Suppression[]
}

/** A reaction that waits for a person (stream PARKED). One that could not be rendered has no actions: it is decided again. */
export interface Parked {
  key: string
  /** Default `parked`; `held`: for approval. */
  state?: 'parked' | 'held'
  /** The attempt that ended so; absent: 1. */
  attempt?: number
  reason: string
  reaction: Reaction | Omit<Reaction, 'actions'>
}
