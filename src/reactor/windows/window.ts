// What the folds of stateful rules have in common. A fold is pure: it is told of events and of the time, and says what is to
// happen. The same events give the same outputs under the same keys, wherever it was saved and restored in between.
import { formatStamp } from '../../protocol/event.ts'
import type { ReactionEvent } from '../../protocol/reaction.ts'
import { joinChains } from '../../protocol/trace.ts'
import type { Sources } from '../../protocol/trust.ts'
import type { WindowFact } from '../rules/facts.ts'

export type KeptEvent = WindowFact['events'][number]

/** What rendering a reaction needs of an event. */
export interface Trigger {
  event: ReactionEvent
  data: Record<string, unknown>
  stamp: string
  /** What of it is somebody's claim. */
  sources: Sources
}

export interface WindowEvent {
  trigger: Trigger
  /** By the rule's `by`. */
  key: string
  /** When it happened, milliseconds: its stamp, within bounds of `now`. */
  at: number
  /** When it was stored, milliseconds; never less than before. */
  now: number
  /** Of its body. */
  bytes: number
  /** Of `all_of`: places in the list that it can stand for. */
  steps: readonly number[]
  /** Of `absent`: it is one that was expected. */
  until: boolean
}

/** `event` names the work: the one that completed the window, or that opened it where its time ran out. */
export interface Fire {
  do: 'fire'
  /** When, by the events' own time. */
  at: number
  event: ReactionEvent
  /** Its facts are the reaction's. */
  trigger: Trigger
  window: WindowFact
  /** What it takes to keep it, about. */
  bytes: number
}

export interface Suppress {
  do: 'suppress'
  event: { id: string; tag: string }
  reason: 'throttle' | 'window'
}

/** A template of the rule failed on it. */
export interface Fail {
  do: 'fail'
  event: ReactionEvent
  problem: unknown
}

/** The rule is among the causes of the event. */
export interface Looped {
  do: 'loop'
  event: ReactionEvent
  trigger: Trigger
}

export type Output = Fire | Suppress | Fail | Looped

/** What an event hands on to what it causes. */
export type Caused = Pick<ReactionEvent, 'hops' | 'chain'>

export interface Bounds {
  /** Most keys that are kept; then the oldest gives way. */
  maxKeys: number
  /** Most bytes that are kept of one rule; then likewise. Default 16 MiB. */
  maxBytes?: number
  /** How long before it was stored an event may have happened, milliseconds. */
  late: number
}

interface Timed {
  /** Everything whose time has come by `now`. */
  due(now: number): Output[]
  /** When `due` is to be called next; it may come to nothing. */
  next(): number | undefined
  keys(): number
  /** Keys that have given way so far. */
  dropped(): number
  /** JSON, which is made before the next call changes it. */
  save(): unknown
  /** Only right after it was made. */
  restore(saved: unknown): void
}

export interface Window extends Timed {
  event(event: WindowEvent): Output[]
  /** Of `absent` with `of: minions`: who is known from `now` on; undefined where they were known. */
  expect?(minions: ReadonlySet<string>, now: number): Output[] | undefined
}

/** The last stage of a rule: what would fire is offered to it. */
export interface Throttle extends Timed {
  offer(fire: Fire, key: string, now: number): Output[]
}

export const suppress = ({ id, tag }: { id: string; tag: string }, reason: Suppress['reason']): Suppress => ({
  do: 'suppress',
  event: { id, tag },
  reason,
})

export const kept = ({ event, data, stamp }: Trigger): KeptEvent => ({
  tag: event.tag,
  data,
  origin: event.origin,
  stamp,
})

export const windowFact = (
  key: string,
  count: number,
  first: number,
  last: number,
  events: KeptEvent[] = [],
): WindowFact => ({ key, count, first: formatStamp(first), last: formatStamp(last), events })

/** Undefined where nothing did. */
export const causedBy = ({ hops, chain }: Caused): Caused | undefined =>
  hops > 0 || chain ? { hops, ...(chain ? { chain } : {}) } : undefined

/** The event with the causes of both: what a window causes is caused by all that is in it. */
export function joined(event: ReactionEvent, other: Caused): ReactionEvent {
  if (event === other || !causedBy(other)) return event
  const chain = joinChains(event.chain, other.chain)
  return { ...event, hops: Math.max(event.hops, other.hops), ...(chain ? { chain } : {}) }
}

/** About what it takes to keep an event without its data. */
export const sizeOf = ({ chain = '', tag = '' }: Caused & { tag?: string }): number => 200 + chain.length + tag.length
