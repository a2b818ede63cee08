// What rules see of an event: its facts, for `on_failure` those of the event whose reaction failed, and what of it is
// somebody's claim.
import { isObject } from '../base/json.ts'
import { reactorFailed } from '../protocol/catalogue/rules.ts'
import type { EventContent, EventEnvelope, RawEvent } from '../protocol/event.ts'
import { formatOrigin, type Origin, readOrigin, type ServiceOrigin } from '../protocol/origin.ts'
import type { ReactionEvent } from '../protocol/reaction.ts'
import { type Sources, untrustedSources } from '../protocol/trust.ts'
import type { Facts, WindowFact } from './rules/facts.ts'

/** Grains of a minion, undefined while unknown. */
export type GrainsOf = (id: string) => Record<string, unknown> | undefined

export function factsOf({ tag, data, stamp, origin }: EventContent, grainsOf: GrainsOf): Facts {
  // Salt keeps the stamp inside the data, and rules that come from there look for it.
  if (!Object.hasOwn(data, '_stamp')) data._stamp = stamp
  const minion = origin.kind === 'minion' ? grainsOf(origin.id) : undefined
  return { tag, data, stamp, origin: formatOrigin(origin), ...(minion ? { minion } : {}) }
}

export const sourcesOf = ({ origin, tag, data }: EventContent): Sources => untrustedSources(origin, tag, data)

export function reactionEventOf(content: EventContent, envelope: EventEnvelope, raw: RawEvent): ReactionEvent {
  return {
    id: envelope.id,
    tag: content.tag,
    origin: formatOrigin(content.origin),
    seq: raw.seq,
    storedMs: raw.storedMs,
    hops: envelope.hops,
    ...(envelope.chain ? { chain: envelope.chain } : {}),
  }
}

/** What an `on_failure` rule is rendered on. */
export interface FailedOn {
  facts: Facts
  sources: Sources
}

/** Who tells of failures: the worker that executes reactions, and a reactor that cannot render one. */
const TELLING: ReadonlySet<string> = new Set<ServiceOrigin>(['_jobs', '_reactor'])

/**
 * The facts for the `on_failure` of a rule, from the event that says that one of its reactions failed for good; undefined
 * where it is no such event. The event of then is in it, and what was a claim then is one now.
 */
export function readFailure({ tag, data, origin }: EventContent, grainsOf: GrainsOf): FailedOn | undefined {
  if (origin.kind !== 'service' || !TELLING.has(origin.id) || !reactorFailed.matches(tag)) return undefined
  const { rule, reason, attempts, jids, event } = data
  if (typeof rule !== 'string' || typeof reason !== 'string' || !isObject(event) || !isObject(event.data))
    return undefined
  const first = typeof event.origin === 'string' ? originOf(event.origin) : undefined
  if (!first || typeof event.tag !== 'string' || typeof event.stamp !== 'string') return undefined
  const content = { tag: event.tag, data: event.data, stamp: event.stamp, origin: first, believed: true }
  const failure = {
    rule,
    reason,
    attempts: typeof attempts === 'number' ? attempts : 1,
    jids: Array.isArray(jids) ? jids.filter(jid => typeof jid === 'string') : [],
  }
  const window = isObject(event.window) ? { window: event.window as unknown as WindowFact } : {}
  return { facts: { ...factsOf(content, grainsOf), ...window, failure }, sources: sourcesOf(content) }
}

function originOf(text: string): Origin | undefined {
  try {
    return readOrigin(text)
  } catch {
    return undefined
  }
}
