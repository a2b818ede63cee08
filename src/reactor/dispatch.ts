// The path of every event: tokens of the subject → rules that want the tag → `when` → templates → one reaction a rule, stored
// → ack. An event that no rule wants costs an index lookup and an ack, and is never parsed. Windowed rules are the leader's.
import { errorMessage } from '../base/errors.ts'
import type { Delivery, Receipt } from '../bus/raw.ts'
import { type EventContent, readContent, readEnvelope } from '../protocol/event.ts'
import { formatOrigin } from '../protocol/origin.ts'
import type { SuppressionReason } from '../protocol/reaction.ts'
import { createAside } from './aside.ts'
import type { Settled } from './batches.ts'
import type { CompiledBundle, Entry } from './compiled-bundle.ts'
import { type FailedOn, factsOf, type GrainsOf, reactionEventOf, readFailure, sourcesOf } from './event-facts.ts'
import type { LookUp } from './facts/lookup.ts'
import type { Facts } from './rules/facts.ts'
import { type Selection, selectionOf } from './select.ts'
import { createSettle, type SettleParts } from './settle.ts'

export interface DispatchParts extends SettleParts {
  grainsOf: GrainsOf
  lookUp: LookUp
}

export interface Dispatcher {
  /** Puts a bundle in force. */
  use(bundle: CompiledBundle): void
  /** Settles the delivery once all that the event asks for is stored; never throws. */
  handle(delivery: Delivery): void
  stats(): DispatchStats
  /** Resolves once nothing is in hand. */
  idle(): Promise<void>
}

/** Counted since the start; what is in the ledger by the hand of the leader is in it too. */
export interface DispatchStats {
  events: number
  /** Events that a rule wanted. */
  wanted: number
  /** Reactions stored, by rule. */
  reactions: ReadonlyMap<string, number>
  suppressed: ReadonlyMap<string, ReadonlyMap<SuppressionReason, number>>
  parked: ReadonlyMap<string, number>
  /** Events whose reactions are not stored yet, those that wait for facts included. */
  inFlight: number
}

/** Events whose facts are looked up at once. */
const LOOK_UPS = 64

const DEFECT = 'an event cannot be decided on, by a defect; it will be delivered again'

export function createDispatcher(parts: DispatchParts): Dispatcher {
  const { log, grainsOf, lookUp, handOver, suppressions } = parts
  const prefix = parts.subjects.eventPrefix
  const settle = createSettle(parts)
  const aside = createAside(LOOK_UPS)
  let selection: Selection = selectionOf({ hash: '', entries: [] }, 'single')
  let events = 0
  let wanted = 0
  let inFlight = 0
  /** Events sent back since a reaction was last stored. */
  let refused = 0
  const whenIdle: (() => void)[] = []

  const decide = (delivery: Delivery, candidates: readonly Entry[]) => {
    const read = readContent(prefix, delivery)
    if (!read.ok) {
      log.warn({ problem: read.problem, seq: delivery.seq }, 'a malformed event is passed over')
      return delivery.ack()
    }
    const { content } = read
    if (!content.believed) return passOver(delivery, content)
    const facts = factsOf(content, grainsOf)
    const failed = candidates.some(({ ofFailure }) => ofFailure) ? readFailure(content, grainsOf) : undefined
    if (selection.needsLookUp(candidates, facts, failed?.facts)) {
      const receipt = delivery.receipt()
      decideAside(delivery, receipt, selection, candidates, content, facts, failed).catch(error => {
        log.error({ tag: content.tag, seq: delivery.seq, error }, DEFECT)
        receipt.retry()
      })
      return
    }
    const entries = selection.wanting(candidates, facts, failed?.facts)
    if (entries.length === 0) return delivery.ack()
    wanted += 1
    const envelope = readEnvelope(delivery)
    const event = reactionEventOf(content, envelope, delivery)
    const settled = ackAfter(entries.length, delivery.receipt(), event.tag, event.id)
    for (const entry of entries) {
      if (entry.ofFailure && failed) settle.match(entry, selection.bundle, event, failed.facts, failed.sources, settled)
      else settle.match(entry, selection.bundle, event, facts, sourcesOf(content), settled)
    }
  }

  const decideAside = async (
    delivery: Delivery,
    receipt: Receipt,
    { bundle, wantingAfterLookUp }: Selection,
    candidates: readonly Entry[],
    content: EventContent,
    facts: Facts,
    failed: FailedOn | undefined,
  ) => {
    const event = reactionEventOf(content, readEnvelope(delivery), delivery)
    const sources = sourcesOf(content)
    const wanting = await aside.run(receipt, () => wantingAfterLookUp(candidates, facts, lookUp, failed?.facts))
    if (wanting.length === 0) return receipt.ack()
    wanted += 1
    const settled = ackAfter(wanting.length, receipt, event.tag, event.id)
    for (const { entry, facts, problem } of wanting) {
      if (problem !== undefined) settle.park(entry, bundle, event, problem, settled, facts)
      else settle.match(entry, bundle, event, facts, entry.ofFailure && failed ? failed.sources : sources, settled)
    }
  }

  const passOver = (delivery: Delivery, { tag, origin }: EventContent) => {
    const who = origin.kind === 'user' ? 'operator' : 'minion'
    log.warn(
      { tag, origin: formatOrigin(origin), event: readEnvelope(delivery).id },
      `an event is passed over: its ${who} speaks of what is not its own`,
    )
    delivery.ack()
  }

  const acked = () => {
    if (refused === 0) return
    log.info({ times: refused }, 'reactions are stored again')
    refused = 0
  }
  const sentBack = (problem: unknown, tag: string, id: string) => {
    refused += 1
    // Once for all that come again meanwhile: a store that is full refuses thousands a second.
    if (refused > 1) return
    const facts = { tag, event: id, error: errorMessage(problem) }
    log.error(facts, 'a reaction could not be stored; its event, and others from now on, come again until it can')
  }

  // It outlives the call by a round trip: made in a function of its own, it does not keep the event's data, which the
  // collector would otherwise copy for each of the thousands of events in flight.
  const ackAfter = (matches: number, receipt: Receipt, tag: string, id: string): Settled => {
    inFlight += 1
    let left = matches
    let problem: unknown
    return error => {
      problem ??= error
      left -= 1
      if (left > 0) return
      if (problem === undefined) {
        receipt.ack()
        acked()
      } else {
        receipt.retry()
        sentBack(problem, tag, id)
      }
      inFlight -= 1
      if (inFlight === 0) for (const resolve of whenIdle.splice(0)) resolve()
    }
  }

  return {
    use(bundle) {
      selection = selectionOf(bundle, 'single')
    },
    handle(delivery) {
      events += 1
      const { subject } = delivery
      const candidates = selection.match(subject, subject.indexOf('.', prefix.length) + 1)
      if (candidates.length === 0) delivery.ack()
      else
        try {
          decide(delivery, candidates)
        } catch (error) {
          log.error({ seq: delivery.seq, error }, DEFECT)
          delivery.receipt().retry()
        }
    },
    stats: () => ({
      events,
      wanted,
      reactions: handOver.stats().reactions,
      suppressed: suppressions.stats().suppressed,
      parked: settle.parked,
      inFlight: inFlight + aside.pending(),
    }),
    idle: () => (inFlight === 0 ? Promise.resolve() : new Promise(resolve => whenIdle.push(resolve))),
  }
}
