// Stored messages in batches, straight from a stream. The client's own `getBatch` takes a stored message whose sender
// wrote a status into its headers for the end of the batch: who publishes could hide what comes after.
import { setTimeout as delay } from 'node:timers/promises'
import { jetstreamManager } from '@nats-io/jetstream'
import { createInbox, type Msg, type NatsConnection } from '@nats-io/transport-node'
import { errorMessage, ReactorError } from '../base/errors.ts'
import './headers.ts'
import { nextOn } from './next-on.ts'

export interface StoredMessage {
  subject: string
  seq: number
  /** Milliseconds since the epoch. */
  storedMs: number
  /** Of the body. */
  bytes: number
  text(): string
  header(name: string): string | undefined
}

/**
 * From a sequence on, or from the first message at or after a time (milliseconds since the epoch); `subject`: only those on
 * subjects that match it.
 */
export type BatchStart = ({ seq: number } | { since: number }) & { subject?: string }

export interface BatchLimits {
  messages: number
  bytes: number
}

const TIMEOUT_MS = 10_000
const WAIT_AT_MOST_MS = 100

/** The next messages of a stream that has `allow_direct`; none: there are no more. Throws `unreachable`. */
export async function readBatch(
  nc: NatsConnection,
  stream: string,
  from: BatchStart,
  limits: BatchLimits,
): Promise<StoredMessage[]> {
  const until = Date.now() + TIMEOUT_MS
  for (let waitMs = 1; ; waitMs = Math.min(waitMs * 2, WAIT_AT_MOST_MS)) {
    const found = await readOnce(nc, stream, from, limits)
    // Any node of a cluster answers, also one to which the next message is still on its way: its leader knows.
    if (found.length > 0 || !(await hasMore(nc, stream, from))) return found
    if (Date.now() > until) throw unreadable(stream, `the node that answers has been behind for ${TIMEOUT_MS / 1000} s`)
    await delay(waitMs)
  }
}

async function hasMore(nc: NatsConnection, stream: string, from: BatchStart): Promise<boolean> {
  try {
    const jsm = await jetstreamManager(nc, { checkAPI: false })
    return (await nextOn(jsm, stream, startOf(from), from.subject)) !== undefined
  } catch (error) {
    throw unreadable(stream, errorMessage(error))
  }
}

const startOf = (from: BatchStart) =>
  'since' in from ? { start_time: new Date(from.since).toISOString() } : { seq: from.seq }

const unreadable = (stream: string, reason: string) =>
  new ReactorError('unreachable', `stream ${stream} cannot be read: ${reason}`)

async function readOnce(
  nc: NatsConnection,
  stream: string,
  from: BatchStart,
  limits: BatchLimits,
): Promise<StoredMessage[]> {
  const found: StoredMessage[] = []
  const inbox = createInbox((nc as unknown as { options: { inboxPrefix?: string } }).options.inboxPrefix)
  await new Promise<void>((resolve, reject) => {
    const fail = (reason: string) => {
      clearTimeout(timer)
      subscription.unsubscribe()
      reject(unreadable(stream, reason))
    }
    const subscription = nc.subscribe(inbox, {
      callback: (error, message) => {
        if (error) return fail(error.message)
        const stored = readStored(message)
        if (stored) return void found.push(stored)
        // 204: the end of the batch; 404: there is nothing more.
        const code = message.headers?.code
        if (code !== 204 && code !== 404) return fail(`${code} ${message.headers?.description ?? ''}`)
        clearTimeout(timer)
        subscription.unsubscribe()
        resolve()
      },
    })
    const timer = setTimeout(() => fail(`no answer within ${TIMEOUT_MS / 1000} s`), TIMEOUT_MS)
    const filter = from.subject === undefined ? {} : { next_by_subj: from.subject }
    const request = { batch: limits.messages, max_bytes: limits.bytes, ...startOf(from), ...filter }
    nc.publish(`$JS.API.DIRECT.GET.${stream}`, JSON.stringify(request), { reply: inbox })
  })
  return found
}

/** The server writes its own headers after those of the sender: the last one of a name is its own. */
function readStored(message: Msg): StoredMessage | undefined {
  const { headers } = message
  const seq = headers?.last('Nats-Sequence')
  if (!headers || !seq) return undefined
  return {
    subject: headers.last('Nats-Subject'),
    seq: Number(seq),
    storedMs: Date.parse(headers.last('Nats-Time-Stamp')),
    bytes: message.data.length,
    text: () => message.string(),
    header: name => headers.get(name) || undefined,
  }
}
