// The ledger (stream DONE): what became of each reaction, appended in batches that every worker follows. It, and not the
// streams' dedupe windows, is what keeps done work from being done again.
import { DeliverPolicy, jetstream } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { type Clock, systemClock } from '../base/clock.ts'
import { errorMessage } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'
import { maxPayload } from '../bus/max-payload.ts'
import type { Publisher } from '../bus/publish.ts'
import { newEventId } from '../protocol/event.ts'
import type { Decision } from '../protocol/reaction.ts'
import { streamNames } from '../protocol/streams.ts'
import type { Subjects } from '../protocol/subject.ts'
import { createKnownKeys } from './known-keys.ts'

export interface Ledger extends Running {
  has(key: string): boolean
  /** Resolves once the decision is stored; decisions of one turn share a message. */
  append(decision: Decision): Promise<void>
}

export interface LedgerOptions {
  /**
   * Milliseconds for which a key is known: as long as a reaction can be delivered again, which is the age that EVENTS
   * keeps and a day more. Default: 8 days, which fits the default of EVENTS.
   */
  keepMs?: number
  clock?: Pick<Clock, 'now'>
}

const KEEP_MS = 8 * 86_400_000
const BATCH = 200
const BATCH_BYTES = 512 * 1024
/** What a message has beside its decisions: header, worker, and room to spare. */
const ENVELOPE_BYTES = 4096
/** Characters of a reason that are left of one that no message can hold. */
const CUT_REASON = 4096

/** Opens the ledger and reads what it has of the last `keepMs` before it resolves. */
export async function openLedger(
  nc: NatsConnection,
  subjects: Subjects,
  publisher: Publisher,
  worker: string,
  log: Log,
  { keepMs = KEEP_MS, clock = systemClock }: LedgerOptions = {},
): Promise<Ledger> {
  const known = createKnownKeys(keepMs, clock)
  const reader = await follow(
    nc,
    streamNames(subjects.ns).done,
    clock.now() - keepMs,
    (keys, storedMs) => {
      for (const key of keys) known.add(key, storedMs)
    },
    log,
  )

  let open: Batch | undefined
  const flush = async (decisions: string[]) => {
    const body = `{"worker":${JSON.stringify(worker)},"decisions":[${decisions.join(',')}]}`
    await publisher.publish(subjects.done(worker), body, { id: newEventId() })
  }
  const openBatch = (): Batch => {
    const decisions: string[] = []
    const stored = new Promise<void>((resolve, reject) => {
      setImmediate(() => {
        if (open === batch) open = undefined
        flush(decisions).then(resolve, reject)
      })
    })
    const batch: Batch = { decisions, bytes: 0, stored }
    return batch
  }

  return {
    has: key => known.has(key),
    async append(decision) {
      const text = encode(decision, maxPayload(nc) - ENVELOPE_BYTES)
      const bytes = Buffer.byteLength(text)
      // A batch of one may be larger than others: it is as large as its decision.
      if (open && open.bytes + bytes > BATCH_BYTES) open = undefined
      open ??= openBatch()
      const batch = open
      batch.decisions.push(text)
      batch.bytes += bytes
      if (batch.decisions.length >= BATCH) open = undefined
      await batch.stored
      known.add(decision.key, clock.now())
    },
    stop: () => reader.stop(),
  }
}

interface Batch {
  /** As JSON. */
  decisions: string[]
  bytes: number
  stored: Promise<void>
}

/** The decision as JSON; the reason is cut where it would be more than `limit` bytes. */
function encode(decision: Decision, limit: number): string {
  const text = JSON.stringify(decision)
  const size = Buffer.byteLength(text)
  if (size <= limit || decision.reason === undefined) return text
  const reason = `${decision.reason.slice(0, CUT_REASON)} … (cut: the decision had ${size} bytes)`
  return JSON.stringify({ ...decision, reason })
}

/** Reads a ledger stream from `sinceMs`, resolves at its present end, and goes on following. */
async function follow(
  nc: NatsConnection,
  stream: string,
  sinceMs: number,
  onKeys: (keys: string[], storedMs: number) => void,
  log: Log,
): Promise<Running> {
  const js = jetstream(nc)
  const manager = await js.jetstreamManager(false)
  const { state } = await manager.streams.info(stream)
  // A consumer that begins at a time cannot be made again after a reconnect: it only says where that time is.
  const probe = await js.consumers.get(stream, {
    deliver_policy: DeliverPolicy.StartTime,
    opt_start_time: new Date(sinceMs).toISOString(),
  })
  const { delivered, num_pending } = await probe.info(true)
  await probe.delete()
  const consumer = await js.consumers.get(stream, {
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: delivered.stream_seq + 1,
  })
  let atEnd: () => void = () => undefined
  const end = new Promise<void>(resolve => {
    atEnd = resolve
  })
  if (num_pending === 0) atEnd()
  const messages = await consumer.consume({
    max_messages: 1000,
    callback: message => {
      try {
        const { decisions } = message.json<{ decisions: Decision[] }>()
        onKeys(
          decisions.map(({ key }) => key),
          Number(message.timestampNanos / 1_000_000n),
        )
      } catch (error) {
        log.warn({ seq: message.seq, error: errorMessage(error) }, 'an entry of the ledger is malformed')
      }
      if (message.seq >= state.last_seq || message.info.pending === 0) atEnd()
    },
  })
  await end
  return {
    async stop() {
      messages.stop()
    },
  }
}
