// The one way to store a message: published with a reply subject, resolved by the stream's ack. A leaner client than
// `js.publish`: one inbox for all acks with a slot number in the subject. A message whose ack does not come is published
// again under the same id until its deadline; while the link is down all wait, and then go out in the order of the calls.
import { performance } from 'node:perf_hooks'
import { createInbox, type Msg, type MsgHdrs, type NatsConnection } from '@nats-io/transport-node'
import { errorMessage, ReactorError } from '../base/errors.ts'
import { HEADER } from '../protocol/event.ts'
import { type PubAck, readAck } from './pub-ack.ts'

export interface PublishOptions {
  /** `Nats-Msg-Id`; cheaper than headers that hold it. */
  id?: string
  /** Names and values; what is undefined or empty is left out. */
  headers?: Readonly<Record<string, string | undefined>>
  /** Milliseconds until the publish is given up; default: never, until the publisher stops. */
  deadlineMs?: number
}

export interface Publisher {
  /**
   * Resolves once the message is stored. Rejects with `store_refused` (the stream said no: full, or a subject that is
   * taken), `bad_event` (larger than a message may be, an id with a line break), or `unreachable` after the deadline. Only a message with an id, or one whose subject takes one message, is safe to repeat.
   */
  publish(subject: string, body: string | Uint8Array, options?: PublishOptions): Promise<PubAck>
  /** Messages whose ack is awaited. */
  pending(): number
  stop(): void
}

interface Slot {
  subject: string
  body: Uint8Array
  headers: Uint8Array | undefined
  sentAt: number
  giveUpAt: number
  /** Why it is not stored yet, as far as the server has said. */
  problem?: string
  resolve(ack: PubAck): void
  reject(error: ReactorError): void
}

const RESEND_AFTER_MS = 800
const SWEEP_EVERY_MS = 200
/** A server that cannot write gives no answer. */
const NO_ACK = 'the NATS server gives no ack; is the disk under its store full? Its log says'

export function createPublisher(nc: NatsConnection): Publisher {
  const inbox = createInbox((nc as unknown as { options: { inboxPrefix?: string } }).options.inboxPrefix)
  const from = inbox.length + 1
  const slots = new Map<string, Slot>()
  let next = 0
  let stopped = false
  // The client has no server information while it connects.
  let linked = nc.info !== undefined
  /** No ack is heard any more. */
  let deaf: string | undefined

  const settle = (key: string, reply: Msg) => {
    const slot = slots.get(key)
    if (!slot) return
    const ack = readAck(reply)
    if (typeof ack === 'string') {
      // The sweep tries again until the deadline.
      slot.problem = ack
      return
    }
    slots.delete(key)
    if (ack instanceof ReactorError) slot.reject(ack)
    else slot.resolve(ack)
  }
  const subscription = nc.subscribe(`${inbox}.*`, {
    callback: (error, reply) => {
      if (error) deaf = errorMessage(error)
      else settle(reply.subject.slice(from), reply)
    },
  })

  const send = (key: string, slot: Slot) => {
    slot.sentAt = performance.now()
    const reply = `${inbox}.${key}`
    try {
      nc.publish(slot.subject, slot.body, slot.headers ? { reply, headers: encoded(slot.headers) } : { reply })
    } catch (error) {
      slots.delete(key)
      slot.reject(unsendable(slot, error, nc.info?.max_payload))
    }
  }
  const sweep = () => {
    // Not the clock: who sets it would hold up what is to be sent again, or end every wait at once.
    const now = performance.now()
    for (const [key, slot] of slots) {
      if (now >= slot.giveUpAt) {
        slots.delete(key)
        const problem = deaf ?? slot.problem ?? (linked ? NO_ACK : 'there is no connection to the NATS server')
        const code = /permissions violation/i.test(problem) ? 'forbidden' : 'unreachable'
        slot.reject(new ReactorError(code, `'${slot.subject}' was not stored in time: ${problem}`))
      } else if (linked && now - slot.sentAt >= RESEND_AFTER_MS) send(key, slot)
    }
  }
  const followLink = async () => {
    for await (const { type } of nc.status()) {
      if (stopped) return
      if (type === 'disconnect') linked = false
      // The client tells of its return once for each attempt that failed.
      if (type !== 'reconnect' || linked) continue
      linked = true
      // Before anything newer: what the old connection lost must not be overtaken.
      for (const [key, slot] of slots) send(key, slot)
    }
  }
  void followLink()
  const timer = setInterval(sweep, SWEEP_EVERY_MS)
  timer.unref()

  return {
    publish: (subject, body, options = {}) =>
      new Promise((resolve, reject) => {
        if (stopped) {
          reject(stoppedError())
          return
        }
        // What it throws rejects.
        const headers = encodeHeaders(options)
        const key = (next++).toString(36)
        const now = performance.now()
        const slot: Slot = {
          subject,
          // Once for all sends; left to the client, TextEncoder would take six times as long.
          body: typeof body === 'string' ? Buffer.from(body) : body,
          headers,
          sentAt: now,
          giveUpAt: options.deadlineMs === undefined ? Number.POSITIVE_INFINITY : now + options.deadlineMs,
          resolve,
          reject,
        }
        slots.set(key, slot)
        if (linked) send(key, slot)
      }),
    pending: () => slots.size,
    stop() {
      stopped = true
      clearInterval(timer)
      subscription.unsubscribe()
      for (const slot of slots.values()) slot.reject(stoppedError())
      slots.clear()
    },
  }
}

const VERSION_LINE = 'NATS/1.0\r\n'

/** The header block as bytes. Written here it costs less than the publish itself; by the client's header object, more. */
function encodeHeaders({ id, headers }: PublishOptions): Uint8Array | undefined {
  let lines = id === undefined ? '' : headerLine(HEADER.id, id)
  for (const name in headers) {
    const value = headers[name]
    if (value) lines += headerLine(name, value)
  }
  return lines === '' ? undefined : Buffer.from(`${VERSION_LINE}${lines}\r\n`)
}

const BREAK = /[\r\n]/

function headerLine(name: string, value: string): string {
  if (!BREAK.test(value)) return `${name}: ${value}\r\n`
  const what = name === HEADER.id ? 'the id' : `the header ${name}:`
  throw new ReactorError('bad_event', `${what} ${JSON.stringify(value)} has a line break: a message cannot carry it`)
}

/** Encoded headers as the client takes them: it asks them for their bytes and for nothing else. */
const encoded = (bytes: Uint8Array): MsgHdrs => ({ encode: () => bytes }) as unknown as MsgHdrs

const stoppedError = () => new ReactorError('unreachable', 'the publisher has stopped')

/** Why the client would not take a message. Its size counts with the headers. */
function unsendable({ subject, body, headers }: Slot, error: unknown, limit: number | undefined): ReactorError {
  const size = body.length + (headers?.length ?? 0)
  if (limit !== undefined && size > limit) {
    return new ReactorError('bad_event', `'${subject}': ${size} bytes are more than a message may have (${limit})`)
  }
  return new ReactorError('unreachable', `'${subject}' cannot be published: ${errorMessage(error)}`)
}
