// The path of every event: tokens of the subject → rules that want the tag → `when` → templates → one stored reaction a
// rule → ack. An event that no rule wants costs an index lookup and an ack, and is never parsed.
import { errorMessage, ReactorError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { parkReaction } from '../bus/park.ts'
import type { Publisher } from '../bus/publish.ts'
import type { Delivery } from '../bus/raw.ts'
import {
  type Event,
  type EventContent,
  MAX_HOPS,
  type RawEvent,
  readContent,
  readEnvelope,
  readEvent,
} from '../protocol/event.ts'
import { formatOrigin } from '../protocol/origin.ts'
import { type Parked, type Reaction, workKey } from '../protocol/reaction.ts'
import { ACK_WAIT_MS } from '../protocol/streams.ts'
import type { Subjects } from '../protocol/subject.ts'
import { untrustedSources } from '../protocol/trust.ts'
import type { Bundle } from './bundle.ts'
import { type CompiledRule, compileRule, type Facts } from './rules/compile.ts'
import { createGlobIndex, type GlobIndex } from './rules/glob-index.ts'

export interface DispatchParts {
  subjects: Subjects
  publisher: Publisher
  /** Grains of a minion, undefined while unknown. */
  grainsOf(id: string): Record<string, unknown> | undefined
  log: Log
}

export interface Dispatcher {
  /** Compiles a bundle and puts it in force; on a bundle that does not compile the one before stays. */
  use(bundle: Bundle): void
  handle(delivery: Delivery): void
}

interface InForce {
  hash: string
  index: GlobIndex<Entry>
}

/** A rule with what is the same in each of its reactions, made once. */
interface Entry {
  rule: CompiledRule
  subject: string
  /** The reaction's JSON up to its event. */
  head: string
}

export function createDispatcher(parts: DispatchParts): Dispatcher {
  const { subjects, publisher, log } = parts
  const prefix = subjects.eventPrefix
  let inForce: InForce = { hash: '', index: createGlobIndex<Entry>([]) }

  const decide = (delivery: Delivery, candidates: readonly Entry[]) => {
    const read = readContent(prefix, delivery)
    if (!read.ok) {
      log.warn({ problem: read.problem, seq: delivery.seq }, 'a malformed event is passed over')
      return delivery.ack()
    }
    const { content } = read
    if (!content.believed) {
      const who = content.origin.kind === 'user' ? 'operator' : 'minion'
      return passOver(delivery, content, `its ${who} speaks of what is not its own`)
    }
    const facts = factsOf(content, parts)
    const wanting = thatWant(candidates, facts)
    if (wanting.length === 0) return delivery.ack()
    const event = Object.assign(content, readEnvelope(delivery))
    if (event.hops >= MAX_HOPS) return passOver(delivery, event, `rules seem to trigger each other (${MAX_HOPS} times)`)
    const stored =
      wanting.length === 1
        ? store(wanting[0]!, event, facts, delivery)
        : Promise.all(wanting.map(entry => store(entry, event, facts, delivery)))
    ackOnce(stored, delivery, event.tag, event.id, wanting)
  }

  const passOver = (delivery: Delivery, { tag, origin }: EventContent, why: string) => {
    log.warn({ tag, origin: formatOrigin(origin), event: readEnvelope(delivery).id }, `an event is passed over: ${why}`)
    delivery.ack()
  }

  // Its closures outlive the call by a round trip: held in a function of their own, they do not keep the event's data,
  // which the collector would otherwise copy for each of the thousands of events in flight.
  const ackOnce = (
    stored: Promise<unknown>,
    delivery: Delivery,
    tag: string,
    id: string,
    wanting?: readonly Entry[],
  ) => {
    stored.then(
      () => delivery.ack(),
      error => {
        if (wanting && isTooLarge(error)) return storeEach(delivery, wanting)
        log.error(
          { tag, event: id, error: errorMessage(error) },
          'a reaction could not be stored; the event will be delivered again',
        )
        delivery.retry()
      },
    )
  }

  /** Each by itself: one that no message can hold would fail again at every delivery, so it is parked. */
  const storeEach = (delivery: Delivery, wanting: readonly Entry[]) => {
    const read = readEvent(prefix, delivery)
    if (!read.ok) return delivery.ack()
    const { event } = read
    const facts = factsOf(event, parts)
    const stored = wanting.map(async entry => {
      try {
        await store(entry, event, facts, delivery)
      } catch (error) {
        if (!isTooLarge(error)) throw error
        await park(entry.rule, event, delivery, error)
      }
    })
    ackOnce(Promise.all(stored), delivery, event.tag, event.id)
  }

  const entryOf = (rule: CompiledRule, hash: string): Entry => ({
    rule,
    subject: subjects.reaction('fast', rule.rule),
    head: `{"rule":${JSON.stringify(rule.rule)},"bundle":${JSON.stringify(hash)},"event":`,
  })

  const store = (entry: Entry, event: Event, facts: Facts, raw: RawEvent): Promise<unknown> => {
    let actions: string
    try {
      const untrusted = untrustedSources(event.origin, event.tag, event.data)
      actions = JSON.stringify(entry.rule.render(facts, untrusted))
    } catch (error) {
      return park(entry.rule, event, raw, error)
    }
    const body = `${entry.head}${JSON.stringify(eventOf(event, raw))},"actions":${actions}}`
    return publisher.publish(entry.subject, body, {
      id: workKey(event.id, entry.rule.rule),
      deadlineMs: STORE_WITHIN_MS,
    })
  }

  /** A rule that fails on an event is kept for a person, with the reason. */
  const park = (rule: CompiledRule, event: Event, raw: RawEvent, problem: unknown): Promise<unknown> => {
    const reason = errorMessage(problem)
    if (!(problem instanceof ReactorError)) log.error({ rule: rule.rule, error: problem }, 'a rule failed on a defect')
    const key = workKey(event.id, rule.rule)
    const parked: Parked = {
      key,
      reason,
      reaction: { rule: rule.rule, bundle: inForce.hash, event: eventOf(event, raw) },
    }
    return parkReaction(publisher, subjects, parked)
  }

  return {
    use(bundle) {
      try {
        const entries = bundle.rules.map(document => entryOf(compileRule(document), bundle.hash))
        inForce = {
          hash: bundle.hash,
          index: createGlobIndex(entries.map(entry => ({ on: entry.rule.document.on, value: entry }))),
        }
        log.info({ rules: entries.length, bundle: bundle.hash }, 'bundle in force')
      } catch (error) {
        log.error(
          { bundle: bundle.hash, error: errorMessage(error) },
          'a bundle does not compile here; the one before stays in force',
        )
      }
    },
    handle(delivery) {
      const { subject } = delivery
      const candidates = inForce.index.matchSubject(subject, subject.indexOf('.', prefix.length) + 1)
      if (candidates.length === 0) delivery.ack()
      else decide(delivery, candidates)
    },
  }
}

/** Most events that any rule looks at are looked at by one. */
function thatWant(candidates: readonly Entry[], facts: Facts): readonly Entry[] {
  if (candidates.length > 1) return candidates.filter(({ rule }) => rule.decide(facts))
  return candidates[0]!.rule.decide(facts) ? candidates : []
}

/** Before the event comes again by itself; else each delivery would add another publish that waits. */
const STORE_WITHIN_MS = ACK_WAIT_MS - 1000

const isTooLarge = (error: unknown): boolean => error instanceof ReactorError && error.code === 'bad_event'

function factsOf(event: EventContent, { grainsOf }: DispatchParts): Facts {
  const { tag, stamp, origin } = event
  // Salt keeps the stamp inside the data, and rules that come from there look for it.
  const { data } = event
  if (!Object.hasOwn(data, '_stamp')) data._stamp = stamp
  const minion = origin.kind === 'minion' ? grainsOf(origin.id) : undefined
  return { tag, data, stamp, origin: formatOrigin(origin), ...(minion ? { minion } : {}) }
}

function eventOf(event: Event, raw: RawEvent): Reaction['event'] {
  return {
    id: event.id,
    tag: event.tag,
    origin: formatOrigin(event.origin),
    seq: raw.seq,
    storedMs: raw.storedMs,
    hops: event.hops,
  }
}
