// The ledger (stream DONE): what became of each attempt of a reaction, appended in batches that every worker follows. It, and
// not the streams' dedupe windows, is what keeps done work from being done again.
import { jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { type Clock, systemClock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'
import { maxPayload } from '../bus/max-payload.ts'
import type { Publisher } from '../bus/publish.ts'
import { newEventId } from '../protocol/event.ts'
import { attemptKey, type Decision, type DecisionBatch } from '../protocol/reaction.ts'
import { streamNames } from '../protocol/streams.ts'
import type { Subjects } from '../protocol/subject.ts'
import { followLedger } from './follow-ledger.ts'
import { createKnownKeys } from './known-keys.ts'

export interface Ledger extends Running {
  /** Whether an attempt is decided, by its `attemptKey`. */
  has(attempt: string): boolean
  /** Of an attempt that is decided as `retrying`, whose next is not: when that is due and what it has to do. */
  retrying(attempt: string): (Pick<Decision, 'left'> & { next: number }) | undefined
  /** Resolves once the decision is stored; decisions of one turn share a message. */
  append(decision: Decision): Promise<void>
  /** Resolves once all is read that was stored before the call. Throws `unreachable`, also where the signal aborts. */
  sync(signal: AbortSignal): Promise<void>
}

export interface LedgerOptions {
  /**
   * Milliseconds for which a key is known: as long as a reaction can be delivered again, which is the age that EVENTS
   * keeps and a day more. Default: 8 days, which fits the default of EVENTS.
   */
  keepMs?: number
  /** Keys that are known at most, about; the oldest are forgotten first. Default: 16 million. */
  maxKeys?: number
  /** Hears of the time up to which keys were forgotten because there were too many. */
  onForgot?(untilMs: number): void
  clock?: Pick<Clock, 'now'>
}

const KEEP_MS = 8 * 86_400_000
export const MAX_LEDGER_KEYS = 16_000_000
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
  { keepMs = KEEP_MS, maxKeys = MAX_LEDGER_KEYS, onForgot = () => undefined, clock = systemClock }: LedgerOptions = {},
): Promise<Ledger> {
  const known = createKnownKeys(keepMs, clock, { most: maxKeys, onForgot })
  const retrying = new Map<string, Pick<Decision, 'left'> & { next: number }>()
  const apply = ({ key, attempt = 1, state, next, left, by }: Decision, storedMs: number) => {
    const id = attemptKey(key, attempt)
    known.add(id, storedMs)
    if (attempt > 1) retrying.delete(attemptKey(key, attempt - 1))
    // What a person sends on is stored before it is entered here.
    const isOpen = state === 'retrying' && by === undefined && !known.has(attemptKey(key, attempt + 1))
    if (isOpen && next !== undefined) retrying.set(id, { next, ...(left ? { left } : {}) })
    else retrying.delete(id)
  }
  const own = subjects.done(worker)
  const sinceMs = await readFrom(nc, subjects.ns, clock.now() - keepMs)
  const reader = await followLedger(nc, streamNames(subjects.ns).done, sinceMs, log, message => {
    // What this worker appends it knows when it is stored.
    if (message.subject === own) return
    const { decisions = [] } = message.json<Partial<DecisionBatch>>()
    const storedMs = Number(message.timestampNanos / 1_000_000n)
    for (const decision of decisions) apply(decision, storedMs)
  })

  let open: Batch | undefined
  const flush = async (decisions: string[]) => {
    const body = `{"worker":${JSON.stringify(worker)},"decisions":[${decisions.join(',')}]}`
    await publisher.publish(own, body, { id: newEventId() })
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
    has: attempt => known.has(attempt),
    retrying: attempt => retrying.get(attempt),
    sync: reader.sync,
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
      apply(decision, clock.now())
    },
    stop: () => reader.stop(),
  }
}

/** Above this the ledger is not read as far back as its keys are known: that would take a worker many seconds. */
const LARGE_BYTES = 256 * 1024 ** 2

/**
 * From when on the ledger has to be read. What was decided before the oldest event and the oldest reaction that are kept was
 * stored is about none of them: only an event that its sender fires again would ask for it.
 */
async function readFrom(nc: NatsConnection, ns: string, keptSinceMs: number): Promise<number> {
  const manager = await jetstreamManager(nc, { checkAPI: false })
  const { done, events, reactions } = streamNames(ns)
  if ((await manager.streams.info(done)).state.bytes < LARGE_BYTES) return keptSinceMs
  const oldest = await Promise.all(
    [events, reactions].map(async stream => {
      const { state } = await manager.streams.info(stream)
      return state.messages === 0 ? Number.POSITIVE_INFINITY : Date.parse(String(state.first_ts))
    }),
  )
  return Math.max(keptSinceMs, Math.min(Date.now(), ...oldest))
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
