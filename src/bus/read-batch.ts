// Stored messages in batches, straight from a stream. The client's own `getBatch` takes a stored message whose sender
// wrote a status into its headers for the end of the batch: who publishes could hide what comes after.
import { createInbox, type Msg, type NatsConnection } from '@nats-io/transport-node'
import { ReactorError } from '../base/errors.ts'
import './headers.ts'

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

/** The next messages of a stream that has `allow_direct`; none: there are no more. Throws `unreachable`. */
export async function readBatch(
  nc: NatsConnection,
  stream: string,
  from: BatchStart,
  limits: BatchLimits,
): Promise<StoredMessage[]> {
  const found: StoredMessage[] = []
  const inbox = createInbox((nc as unknown as { options: { inboxPrefix?: string } }).options.inboxPrefix)
  const start = 'since' in from ? { start_time: new Date(from.since).toISOString() } : { seq: from.seq }
  await new Promise<void>((resolve, reject) => {
    const fail = (reason: string) => {
      clearTimeout(timer)
      subscription.unsubscribe()
      reject(new ReactorError('unreachable', `stream ${stream} cannot be read: ${reason}`))
    }
    const timer = setTimeout(() => fail(`no answer within ${TIMEOUT_MS / 1000} s`), TIMEOUT_MS)
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
    const filter = from.subject === undefined ? {} : { next_by_subj: from.subject }
    const request = { batch: limits.messages, max_bytes: limits.bytes, ...start, ...filter }
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
