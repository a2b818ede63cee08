// One durable consumer of EVENTS into one store: in batches, acked once they are stored. A store that is down is tried again
// while the stream keeps what waits; a record that the store will never take is put aside, and the others go on.
import type { JsMsg } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import type { Alarms } from '../../alarms/alarms.ts'
import { errorMessage } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import type { Running } from '../../base/service.ts'
import { consumeDurable } from '../../bus/consume.ts'
import { isRefused } from '../../functions/define-returner.ts'
import { ACK_WAIT_MS, streamNames, type WantedConsumer } from '../../protocol/streams.ts'
import type { RefusedRecords } from './refused.ts'

export interface FollowParts<R> {
  nc: NatsConnection
  ns: string
  consumer: WantedConsumer
  /** Of the returner. */
  name: string
  /** Undefined: it is not for the store. Must not throw. */
  read(message: JsMsg): R | undefined
  /** Bytes that a record has when it is whole. */
  sizeOf(record: R, message: JsMsg): number
  /** As a returner does it: throws `record_refused` where one of them can never be stored, anything else for now. */
  write(records: readonly R[]): Promise<void>
  /** Names the record among those that were refused. */
  keyOf(record: R): string
  /** Given together once there are so many, or after so long (0: however long that is). */
  together?: { records: number; maxWaitMs: number }
  refused: RefusedRecords
  alarms: Alarms
  log: Log
}

/** A batch has so many records at most, and so many bytes unless one alone has more. */
export const BATCH_RECORDS = 500
const BATCH_BYTES = 2 * 1024 * 1024
const AHEAD = 500
const AGAIN_MS = 1000
const AGAIN_AT_MOST_MS = 15_000
/** What more comes while so many bytes are held is given back for a while: a store may be slow. */
const MOST_HELD = 64 * 1024 * 1024
const GIVEN_BACK_MS = 2000
/** Whoever is held says so in time: else the server would give it out again. */
const WORKING_EVERY_MS = ACK_WAIT_MS / 3

interface Taken<R> {
  record: R
  bytes: number
  message: JsMsg
}

/** `stop` stores and acks what was taken. */
export async function followInto<R>(parts: FollowParts<R>): Promise<Running> {
  const { name, log, alarms, refused } = parts
  const { records: atLeast, maxWaitMs } = parts.together ?? { records: 1, maxWaitMs: 0 }
  const held = new Set<Taken<R>>()
  let heldBytes = 0
  const waiting: Taken<R>[] = []
  let writing: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined
  let failures = 0
  let mayBeRaised = true

  const onMessage = (message: JsMsg) => {
    const record = parts.read(message)
    if (record === undefined) return message.ack()
    if (heldBytes > MOST_HELD) return message.nak(GIVEN_BACK_MS)
    heldBytes += message.data.length
    const taken = { record, message, bytes: parts.sizeOf(record, message) }
    held.add(taken)
    waiting.push(taken)
    if (isEnough()) return start()
    if (maxWaitMs > 0) timer ??= setTimeout(start, maxWaitMs)
  }

  const isEnough = () => waiting.length >= atLeast || waiting.reduce((sum, { bytes }) => sum + bytes, 0) >= BATCH_BYTES

  function start(): void {
    clearTimeout(timer)
    timer = undefined
    // On the next turn: what came in one read of the socket is stored together.
    writing ??= new Promise<void>(resolve => setImmediate(resolve)).then(writeAll)
  }

  async function writeAll(): Promise<void> {
    do await put(nextBatch(waiting))
    while (isEnough() && waiting.length > 0)
    writing = undefined
    if (waiting.length > 0 && maxWaitMs > 0) timer ??= setTimeout(start, maxWaitMs)
  }

  async function put(batch: Taken<R>[]): Promise<void> {
    if (batch.length === 0) return
    try {
      await parts.write(batch.map(({ record }) => record))
    } catch (error) {
      if (!isRefused(error)) return putOff(batch, error)
      if (batch.length === 1) return putAside(batch[0]!, error)
      // One of them is refused: the others are not.
      const half = Math.ceil(batch.length / 2)
      await put(batch.slice(0, half))
      return put(batch.slice(half))
    }
    well()
    settle(batch, message => message.ack())
  }

  const settle = (batch: readonly Taken<R>[], how: (message: JsMsg) => void) => {
    for (const taken of batch) {
      held.delete(taken)
      heldBytes -= taken.message.data.length
      how(taken.message)
    }
  }

  function well(): void {
    if (failures > 0) log.info({ returner: name }, 'the store of a returner takes records again')
    failures = 0
    // It may have been raised by a process that has ended since.
    if (mayBeRaised) alarms.clear('returner', name)
    mayBeRaised = false
  }

  function putOff(batch: readonly Taken<R>[], error: unknown): void {
    const problem = errorMessage(error)
    if (failures === 0)
      log.error({ returner: name, problem }, 'the store of a returner takes nothing; it is tried again until it does')
    // Each time: another worker that reaches the store may have cleared it, and it is told of once an hour at most.
    alarms.raise('returner', name, {
      message: `the store of the returner '${name}' takes nothing: ${problem}; what it is to get waits in EVENTS, for as long as events are kept (streams.events_max_age)`,
    })
    mayBeRaised = true
    const again = Math.min(AGAIN_MS * 2 ** Math.min(failures, 10), AGAIN_AT_MOST_MS)
    failures += 1
    // What waits behind it would fail the same way, one try after another.
    settle([...batch, ...waiting.splice(0)], message => message.nak(again))
  }

  async function putAside(taken: Taken<R>, error: unknown): Promise<void> {
    const key = parts.keyOf(taken.record)
    const reason = errorMessage(error)
    try {
      await refused.add(key, { reason, record: taken.record })
    } catch (problem) {
      return putOff([taken], problem)
    }
    well()
    log.error({ returner: name, record: key, reason }, 'the store of a returner refuses a record; it is put aside')
    alarms.raise('returner_refused', name, {
      message: `the store of the returner '${name}' refuses a record (${key}): ${reason}; such records are in ${refused.file}`,
    })
    settle([taken], message => message.ack())
  }

  const working = setInterval(() => {
    for (const { message } of held) message.working()
  }, WORKING_EVERY_MS)
  const consumer = await consumeDurable(parts.nc, {
    stream: streamNames(parts.ns).events,
    consumer: parts.consumer,
    ahead: AHEAD,
    log,
    onMessage,
  }).catch(error => {
    clearInterval(working)
    throw error
  })

  return {
    async stop() {
      await consumer.stop()
      await writing
      start()
      await writing
      clearInterval(working)
    },
  }
}

function nextBatch<R>(waiting: Taken<R>[]): Taken<R>[] {
  let bytes = 0
  let count = 0
  for (const taken of waiting) {
    bytes += taken.bytes
    if (count > 0 && (count === BATCH_RECORDS || bytes > BATCH_BYTES)) break
    count += 1
  }
  return waiting.splice(0, count)
}
