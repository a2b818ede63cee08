// A message of either client (core or JetStream) as the protocol reads it.
import type { JsMsg } from '@nats-io/jetstream'
import type { Msg, MsgHdrsImpl, NatsConnection } from '@nats-io/transport-node'
import type { RawEvent } from '../protocol/event.ts'
import './headers.ts'

/** What becomes of a delivery. */
export interface Receipt {
  ack(): void
  /** Deliver it again, a second later. */
  retry(): void
  /** It is still being worked on: the server waits longer for what becomes of it. */
  working(): void
}

/** A stored event in hand. */
export interface Delivery extends RawEvent {
  ack(): void
  /** For what takes longer than the call: it does not keep the message. */
  receipt(): Receipt
}

interface StreamEvent extends Delivery {
  message: JsMsg & { reply: string }
  nc: NatsConnection | undefined
}

const RETRY_AFTER_MS = 1000

// One small object an event: its getters read the reply subject only for the events that need it, and closures made anew for
// each event would cost as much again.
const fromStream = {
  text(this: StreamEvent) {
    return this.message.string()
  },
  header(this: StreamEvent, name: string) {
    // The client's own `get` makes two lists for each name asked for.
    return (this.message.headers as MsgHdrsImpl | undefined)?.headers.get(name)?.[0]
  },
  ack(this: StreamEvent) {
    this.message.ack()
  },
  receipt(this: StreamEvent) {
    const { nc, message } = this
    return nc ? createReceipt(nc, message.reply) : receiptOf(message)
  },
  get subject() {
    return (this as unknown as StreamEvent).message.subject
  },
  get storedMs() {
    return numberInReply((this as unknown as StreamEvent).message.reply, STORED_NS) / 1e6
  },
  get seq() {
    return numberInReply((this as unknown as StreamEvent).message.reply, STREAM_SEQ)
  },
}

/** A stored event, from a consumer; with the connection that it came on its receipt does without the message. */
export function deliveryFromStream(message: JsMsg, nc?: NatsConnection): Delivery {
  const delivery = Object.create(fromStream) as StreamEvent
  // The client's type keeps quiet about its reply subject.
  delivery.message = message as StreamEvent['message']
  delivery.nc = nc
  return delivery
}

// `$JS.ACK[.<domain>.<account>].<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<ns>.<pending>[.<token>]`: the
// client makes an object of eleven strings of it.
const STREAM_SEQ = 5
const CONSUMER_SEQ = 6
const STORED_NS = 7
const SHORT_DOTS = 8

/** Which of its consumer's messages it is, from 1. */
export const consumerSeq = (message: JsMsg): number =>
  numberInReply((message as StreamEvent['message']).reply, CONSUMER_SEQ)

function numberInReply(reply: string, token: number): number {
  let dots = 0
  for (let at = reply.indexOf('.'); at >= 0; at = reply.indexOf('.', at + 1)) dots += 1
  let start = 0
  for (let skip = dots === SHORT_DOTS ? token : token + 2; skip > 0; skip--) start = reply.indexOf('.', start) + 1
  return Number(reply.slice(start, reply.indexOf('.', start)))
}

const [ACK, WORKING, RETRY] = ['+ACK', '+WPI', `-NAK {"delay": ${RETRY_AFTER_MS * 1e6}}`].map(text => Buffer.from(text))

interface LeanReceipt extends Receipt {
  nc: NatsConnection
  reply: string
}

const lean = {
  ack(this: LeanReceipt) {
    answer(this, ACK!)
  },
  retry(this: LeanReceipt) {
    answer(this, RETRY!)
  },
  working(this: LeanReceipt) {
    answer(this, WORKING!)
  },
}

function createReceipt(nc: NatsConnection, reply: string): Receipt {
  const receipt = Object.create(lean) as LeanReceipt
  receipt.nc = nc
  receipt.reply = reply
  return receipt
}

/** On a connection that has ended there is nobody to tell: the server delivers the event again. */
function answer({ nc, reply }: LeanReceipt, text: Uint8Array): void {
  if (!nc.isClosed() && !nc.isDraining()) nc.publish(reply, text)
}

const receiptOf = (message: JsMsg): Receipt => ({
  ack: () => message.ack(),
  retry: () => message.nak(RETRY_AFTER_MS),
  working: () => message.working(),
})

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
