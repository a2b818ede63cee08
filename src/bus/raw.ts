// A message of either client (core or JetStream) as the protocol reads it.
import type { JsMsg } from '@nats-io/jetstream'
import type { Msg } from '@nats-io/transport-node'
import type { RawEvent } from '../protocol/event.ts'
import './headers.ts'

/** A stored event in hand, and what becomes of its delivery. */
export interface Delivery extends RawEvent {
  ack(): void
  /** Deliver it again, a second later. */
  retry(): void
}

interface StreamEvent extends Delivery {
  message: JsMsg
}

const RETRY_AFTER_MS = 1000

// One small object an event: its getters read the reply subject, which costs as much as parsing the body, only for the
// events that need it, and closures made anew for each event would cost as much again.
const fromStream = {
  text(this: StreamEvent) {
    return this.message.string()
  },
  header(this: StreamEvent, name: string) {
    // The client's own `get` makes two lists for each name asked for.
    for (const [key, values] of this.message.headers ?? []) if (key === name) return values[0]
    return undefined
  },
  ack(this: StreamEvent) {
    this.message.ack()
  },
  retry(this: StreamEvent) {
    this.message.nak(RETRY_AFTER_MS)
  },
  get subject() {
    return (this as unknown as StreamEvent).message.subject
  },
  get storedMs() {
    return (this as unknown as StreamEvent).message.info.timestampNanos / 1e6
  },
  get seq() {
    return (this as unknown as StreamEvent).message.seq
  },
}

/** A stored event, from a consumer. */
export function deliveryFromStream(message: JsMsg): Delivery {
  const delivery = Object.create(fromStream) as StreamEvent
  delivery.message = message
  return delivery
}

/**
 * Whether a message of `<ns>.live.>` or `<ns>.decision.>` comes from a stream. Where the answer to a request goes, its sender
 * says, and inside one account the server does not check it: but no answer of a service has the headers that the server
 * gives to what it republishes.
 */
export const isRepublished = ({ headers }: Msg): boolean =>
  headers?.has('Nats-Stream') === true && headers.has('Nats-Sequence')

/** A republished event, from a subscription to `<ns>.live.>`; the server adds when and as what it was stored. */
export function rawFromLive(message: Msg): RawEvent {
  const { headers } = message
  // The server writes its own behind those of the sender.
  return {
    subject: message.subject,
    text: () => message.string(),
    header: name => headers?.get(name),
    storedMs: Date.parse(headers?.last('Nats-Time-Stamp') ?? '') || Date.now(),
    seq: Number(headers?.last('Nats-Sequence') ?? 0),
  }
}
