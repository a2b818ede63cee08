// One durable consumer of EVENTS into one store: in batches, acked once they are stored. A store that is down is tried again
// while the stream keeps what waits; a record that the store refuses, or trips over each time, is put aside, and the others go on.
import { performance } from 'node:perf_hooks'
import { type JsMsg, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import type { Alarms } from '../../alarms/alarms.ts'
import { errorMessage } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import type { Running } from '../../base/service.ts'
import { consumeDurable } from '../../bus/consume.ts'
import { createOwnCheck } from '../../bus/own-consumer.ts'
import { isRefused } from '../../functions/define-returner.ts'
import type { Use } from '../../protocol/returner-consumers.ts'
import { streamNames, type WantedConsumer } from '../../protocol/streams.ts'
import { BATCH_BYTES, BATCH_RECORDS, nextBatch } from './batch.ts'
import { createHeld, type Taken } from './held.ts'
import { ALONE, longestMs, type Pace, pauseMs } from './pace.ts'
import type { RefusedRecords } from './refused.ts'
import { createSaid } from './said.ts'
import { createSuspects } from './suspects.ts'

export interface FollowParts<R> {
  nc: NatsConnection
  ns: string
  /** It is there, and its metadata says the use. */
  consumer: WantedConsumer
  use: Use
  /** Undefined: it is not for the store. Must not throw. */
  read(message: JsMsg): R | undefined
  /** Bytes that a record has when it is whole. */
  sizeOf(record: R, message: JsMsg): number
  /** As a returner does it: throws `record_refused` where one of them can never be stored, anything else for now. */
  write(records: readonly R[]): Promise<void>
  /** Names the record among those that were refused. */
  keyOf(record: R): string
  /** Records of one kind are alike to the store; by default all are. */
  kindOf?(record: R): string
  /** Given together once there are so many, or after so long (0: however long that is). */
  together?: { records: number; maxWaitMs: number }
  pace: Pace
  /** The consumer is gone, or another's by now: the store gets nothing more. */
  onLost(): void
  refused: RefusedRecords
  alarms: Alarms
  log: Log
}

/** Messages asked for. */
const AHEAD = 500
/** What more comes while too much is held is given back for a while: a store may be slow. */
const GIVEN_BACK_MS = 2000

/** `stop` stores and acks what was taken. Throws `not_found` where the consumer is lost already. */
export async function followInto<R>(parts: FollowParts<R>): Promise<Running> {
  const { log, refused, pace } = parts
  const { records: atLeast, maxWaitMs } = parts.together ?? { records: 1, maxWaitMs: 0 }
  const stream = streamNames(parts.ns).events
  const jsm = await jetstreamManager(parts.nc, { checkAPI: false })
  const isStillOwn = createOwnCheck(jsm, stream, parts.consumer, pace.ownForMs)
  const said = createSaid(parts.use, parts.alarms, log)
  const suspects = createSuspects(2 * longestMs(pace), Date.now)
  const held = createHeld<R>()
  const { settle } = held
  const waiting: Taken<R>[] = []
  let writing: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined
  /** A store that is down is left alone until then, on the clock of `performance`. */
  let restsUntil = 0
  let over: 'stopped' | 'lost' | undefined
  let consumer: Running | undefined

  const onMessage = (message: JsMsg) => {
    if (over) return message.nak()
    const record = parts.read(message)
    if (record === undefined) return void pass(message)
    const laterMs = held.isFull() ? GIVEN_BACK_MS : Math.ceil(restsUntil - performance.now())
    if (laterMs > 0) return message.nak(laterMs)
    const taken = { record, message, bytes: parts.sizeOf(record, message) }
    held.add(taken)
    waiting.push(taken)
    if (isEnough()) return start()
    if (maxWaitMs > 0) timer ??= setTimeout(start, maxWaitMs)
  }

  /** Of a consumer that is another's nothing may be acked. */
  async function pass(message: JsMsg): Promise<void> {
    if (await isOwnNow()) message.ack()
    else message.nak(pace.firstMs)
  }

  const isEnough = () =>
    waiting.length >= atLeast ||
    waiting.reduce((sum, { bytes }) => sum + bytes, 0) >= BATCH_BYTES ||
    waiting.some(({ message }) => suspects.has(message.seq))

  const named = (batch: readonly Taken<R>[]) =>
    batch.map(({ record, message }) => ({ seq: message.seq, kind: parts.kindOf?.(record) ?? '' }))

  function start(): void {
    clearTimeout(timer)
    timer = undefined
    // On the next turn: what came in one read of the socket is stored together.
    writing ??= new Promise<void>(resolve => setImmediate(resolve)).then(writeAll)
  }

  async function writeAll(): Promise<void> {
    do await put(nextBatch(waiting, ({ message }) => suspects.limit(message.seq, BATCH_RECORDS)))
    while (waiting.length > 0 && (over !== undefined || isEnough()))
    writing = undefined
    if (waiting.length > 0 && maxWaitMs > 0) timer ??= setTimeout(start, maxWaitMs)
  }

  async function put(batch: Taken<R>[]): Promise<void> {
    if (batch.length === 0) return
    if (!(await isOwnNow())) return settle([...batch, ...waiting.splice(0)], message => message.nak(pace.firstMs))
    try {
      await parts.write(batch.map(({ record }) => record))
    } catch (error) {
      if (!isRefused(error)) return putOff(batch, error)
      if (batch.length === 1) return putAside(batch[0]!, errorMessage(error), true)
      // One of them is refused: the others are not.
      const half = Math.ceil(batch.length / 2)
      await put(batch.slice(0, half))
      return put(batch.slice(half))
    }
    suspects.taken(named(batch))
    said.taken(!suspects.hasStubborn())
    settle(batch, message => message.ack())
  }

  /** False also while nobody can say it. */
  async function isOwnNow(): Promise<boolean> {
    try {
      if (!(await isStillOwn())) await lose()
    } catch {
      return false
    }
    return over !== 'lost'
  }

  async function lose(): Promise<void> {
    if (over === 'lost') return
    over = 'lost'
    await consumer?.stop()
    settle(waiting.splice(0), message => message.nak())
    parts.onLost()
  }

  async function putOff(batch: readonly Taken<R>[], error: unknown): Promise<void> {
    const problem = errorMessage(error)
    const { ofStore, alone } = suspects.failed(named(batch), said.isDown)
    if (alone >= ALONE)
      return putAside(batch[0]!, `it failed ${alone} times by itself while the store took others: ${problem}`, false)
    if (ofStore) said.failed(problem)
    const again = pauseMs(pace, said.failures, said.isDown ? 0 : alone)
    settle(batch, message => message.nak(again))
    if (!said.isDown) return
    // What waits behind it, and what comes meanwhile, would fail the same way, one try after another. It comes first the next time.
    const restMs = Math.ceil(again / 2)
    restsUntil = performance.now() + restMs
    settle(waiting.splice(0), message => message.nak(restMs))
  }

  async function putAside(taken: Taken<R>, reason: string, isRefusal: boolean): Promise<void> {
    const key = parts.keyOf(taken.record)
    try {
      await refused.add(key, { reason, record: taken.record })
    } catch (problem) {
      log.error({ record: key, problem: errorMessage(problem) }, 'a record cannot be put aside; it is tried again')
      return settle([taken], message => message.nak(pace.mostMs))
    }
    suspects.forget(taken.message.seq)
    // A store that refuses one is there.
    if (isRefusal || !said.isDown) said.taken(!suspects.hasStubborn())
    said.aside(key, reason, refused.file)
    settle([taken], message => message.ack())
  }

  try {
    consumer = await consumeDurable(parts.nc, {
      ...{ stream, consumer: parts.consumer, ahead: AHEAD, log, onMessage },
      onLost: () => void lose(),
    })
  } catch (error) {
    held.stop()
    throw error
  }

  return {
    async stop() {
      over ??= 'stopped'
      await consumer?.stop()
      await writing
      start()
      await writing
      held.stop()
    },
  }
}
