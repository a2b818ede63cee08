// Follows the ledger with one durable consumer that all cache workers share, gives its messages to the store in batches and
// acks them once they are committed.
import { type JetStreamManager, type JsMsg, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import type { Clock } from '../../base/clock.ts'
import { errorMessage } from '../../base/errors.ts'
import { isObject } from '../../base/json.ts'
import type { Log } from '../../base/log.ts'
import type { Running } from '../../base/service.ts'
import { consumeDurable } from '../../bus/consume.ts'
import type { DecisionBatch } from '../../protocol/reaction.ts'
import { consumerNames, decisionsConsumer, streamNames } from '../../protocol/streams.ts'
import type { Subjects } from '../../protocol/subject.ts'
import type { ReadFailure } from '../store.ts'
import type { DecisionStore, LedgerMessage } from './store.ts'

export interface DecisionWorkerParts {
  nc: NatsConnection
  subjects: Subjects
  store: DecisionStore
  readFailure: ReadFailure
  /** How long reactions are kept that are done with, milliseconds. */
  keepMs: number
  clock: Clock
  log: Log
}

/** Records that one commit has about at most: the process does nothing else meanwhile. */
const BATCH = 1000
/** Each has up to half a megabyte. */
const MESSAGES_AHEAD = 200
/** After a commit that failed they come again, here or at another cache worker. */
const AGAIN_MS = 1000
const PRUNE_EVERY_MS = 10_000

interface Taken extends LedgerMessage {
  message: JsMsg
}

/** `stop` commits and acks what was taken. The store is the caller's to close. */
export async function startDecisionWorker(parts: DecisionWorkerParts): Promise<Running> {
  const { nc, subjects, store, log, clock, keepMs } = parts
  const stream = streamNames(subjects.ns).done
  const jsm: JetStreamManager = await jetstreamManager(nc, { checkAPI: false })
  const waiting: Taken[] = []
  let committing: Promise<void> | undefined
  let failing = false
  /** When the stream was made, as far as is known, and the highest sequence that was taken of it. */
  let made: number | undefined
  let highest = 0

  const onMessage = (message: JsMsg) => {
    const storedMs = Number(message.timestampNanos / 1_000_000n)
    waiting.push({ seq: message.seq, storedMs, batch: readBatch(message, log), message })
    // On the next turn: what came in one read of the socket is committed together.
    committing ??= new Promise<void>(resolve => setImmediate(resolve)).then(commitAll)
  }

  async function commitAll(): Promise<void> {
    while (waiting.length > 0) {
      await commit(nextBatch(waiting))
      await new Promise<void>(resolve => setImmediate(resolve))
    }
    committing = undefined
  }

  /**
   * Which stream the messages are of. A sequence that goes back is a message that comes again, or the first of a stream that
   * was made anew, in which the same sequences are other messages: the server is asked which.
   */
  async function streamOf(batch: readonly Taken[]): Promise<number> {
    if (made === undefined || batch.some(({ seq }) => seq <= highest)) {
      const { created } = await jsm.streams.info(stream)
      const now = Date.parse(created as unknown as string)
      if (made !== undefined && now !== made) highest = 0
      made = now
    }
    highest = Math.max(highest, ...batch.map(({ seq }) => seq))
    return made
  }

  async function commit(batch: Taken[]): Promise<void> {
    try {
      await store.commit(await streamOf(batch), batch)
      for (const { message } of batch) message.ack()
      if (failing) log.info('the store of decisions takes them again')
      failing = false
    } catch (error) {
      const { ofStore, message: problem } = parts.readFailure(error)
      // One of them cannot be stored: the others are.
      if (!ofStore && batch.length > 1) for (const taken of batch) await commit([taken])
      else {
        if (!failing) log.error({ seq: batch[0]!.seq, messages: batch.length, problem }, NOT_TAKEN)
        failing = true
        for (const { message } of batch) message.nak(AGAIN_MS)
      }
    }
  }

  const consumer = await consumeDurable(nc, {
    stream,
    consumer: decisionsConsumer(subjects.ns),
    ahead: MESSAGES_AHEAD,
    log,
    onMessage,
  })

  let tending: Promise<void> | undefined
  let isPruningLate = false
  const tend = async () => {
    try {
      const { created } = await jsm.streams.info(stream)
      const { ack_floor } = await jsm.consumers.info(stream, consumerNames(subjects.ns).decisions)
      await store.settle(Date.parse(created as unknown as string), ack_floor.stream_seq)
      while (await store.prune(clock.now() - keepMs)) await new Promise(resolve => setImmediate(resolve))
      isPruningLate = false
    } catch (error) {
      if (!isPruningLate)
        log.warn(
          { error: errorMessage(error) },
          'reactions that are past their time could not be removed; it is tried again',
        )
      isPruningLate = true
    }
    tending = undefined
  }
  const timer = setInterval(() => {
    tending ??= tend()
  }, PRUNE_EVERY_MS)
  tending = tend()

  return {
    async stop() {
      clearInterval(timer)
      await consumer.stop()
      await committing
      await tending
    },
  }
}

const NOT_TAKEN = 'the store of decisions takes none; they are tried again until it does'

/** What cannot be read is passed over, once, and said. */
function readBatch(message: JsMsg, log: Log): DecisionBatch | undefined {
  try {
    const body: unknown = message.json()
    if (!isObject(body) || !Array.isArray(body.decisions) || !body.decisions.every(isObject))
      throw new Error('expected {worker, decisions}')
    for (const one of (body.suppressed ?? []) as unknown[])
      if (!isObject(one) || !Array.isArray(one.events) || !one.events.every(isObject))
        throw new Error('expected suppressed: [{rule, reason, events}]')
    return body as unknown as DecisionBatch
  } catch (error) {
    log.warn({ seq: message.seq, error: errorMessage(error) }, 'an entry of the ledger is malformed')
    return undefined
  }
}

const sizeOf = ({ batch }: LedgerMessage): number =>
  (batch?.decisions.length ?? 0) + (batch?.suppressed ?? []).reduce((sum, { events }) => sum + events.length, 0)

function nextBatch(waiting: Taken[]): Taken[] {
  let [records, count] = [0, 0]
  for (const taken of waiting) {
    records += sizeOf(taken)
    if (count > 0 && records > BATCH) break
    count += 1
  }
  return waiting.splice(0, count)
}
