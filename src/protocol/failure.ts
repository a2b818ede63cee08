// The event `salt/reactor/failed/<rule>`: a reaction of a rule with `on_failure` has failed for good. It carries what the rule
// saw, for the facts of its `on_failure`.
import { createHash } from 'node:crypto'
import type { ReactionEvent } from './reaction.ts'
import { extendChain, type Trace } from './trace.ts'

/** What a rule saw, where its event alone does not give it back: of a window, what it has collected and its latest event. */
export interface SeenFacts {
  tag: string
  origin: string
  stamp: string
  data: Record<string, unknown>
  window?: Record<string, unknown>
}

/** Data of the event. `left_out` says in words why the data of the event that it is about is missing. */
export interface FailureData {
  rule: string
  reason: string
  attempts: number
  jids: string[]
  event: Pick<ReactionEvent, 'id'> & SeenFacts & { left_out?: string }
}

export interface Failure extends Omit<FailureData, 'event'> {
  /** The attempt's key: told again of the same one it is one event. */
  attempt: string
  event: ReactionEvent
  seen: SeenFacts
}

/** The event as `fire` takes it. */
export function failureEvent({ attempt, event, seen, ...failed }: Failure, left_out?: string) {
  const shown = { id: event.id, ...seen }
  const { window: _window, ...rest } = shown
  const data: FailureData = { ...failed, event: left_out === undefined ? shown : { ...rest, data: {}, left_out } }
  const options: Trace & { id: string } = {
    // As hard to guess as the id of the event that it derives from.
    id: createHash('sha256').update(`failed/${attempt}`).digest('base64url'),
    cause: event.own ?? event.id,
    hops: event.hops + 1,
    chain: extendChain(event.chain, failed.rule),
  }
  return { data, options }
}
