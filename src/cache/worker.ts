// The job cache worker: reads every event with one durable consumer that all cache workers share, gives those of jobs to
// the store in batches, and acks them once they are committed. All other events cost a look at their subject and an ack.
import type { JsMsg } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import type { Clock } from '../base/clock.ts'
import { errorMessage } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'
import { consumeDurable } from '../bus/consume.ts'
import { deliveryFromStream } from '../bus/raw.ts'
import { cacheConsumer, streamNames } from '../protocol/streams.ts'
import type { Subjects } from '../protocol/subject.ts'
import { createFactReader, createJobSubject, type Fact, type JobTimeouts } from './facts.ts'
import type { JobStore, ReadFailure, StoredFact } from './store.ts'

export interface CacheWorkerParts extends JobTimeouts {
  nc: NatsConnection
  subjects: Subjects
  store: JobStore
  readFailure: ReadFailure
  /** How long jobs are kept, milliseconds. */
  keepMs: number
  clock: Clock
  /** Hears of every event's bytes. */
  onRead?(bytes: number): void
  log: Log
}

/** A commit has so many facts at most, and so many bytes unless one fact alone has more. */
const BATCH_FACTS = 500
const BATCH_BYTES = 2 * 1024 * 1024
const EVENTS_AHEAD = 1000
/** After a commit that failed its events come again, here or at another cache worker. */
const AGAIN_MS = 1000
const PRUNE_EVERY_MS = 10_000

interface Taken extends StoredFact {
  message: JsMsg
}

/** `stop` commits and acks what was taken. The store is the caller's to close. */
export async function startCacheWorker(parts: CacheWorkerParts): Promise<Running> {
  const { nc, subjects, store, log, clock } = parts
  const isOfJob = createJobSubject(subjects.eventPrefix)
  const readFact = createFactReader(subjects.eventPrefix, parts)
  const waiting: Taken[] = []
  let committing: Promise<void> | undefined
  let failing = false

  const onMessage = (message: JsMsg) => {
    parts.onRead?.(message.data.length)
    if (!isOfJob(message.subject)) return message.ack()
    const read = readFact(deliveryFromStream(message))
    if (!read.ok) {
      log.warn({ seq: message.seq, problem: read.problem }, 'an event about a job is not believed, or cannot be read')
      return message.ack()
    }
    if (!read.fact) return message.ack()
    waiting.push({ fact: read.fact, bytes: message.data.length, message })
    // On the next turn: what came in one read of the socket is committed together.
    committing ??= new Promise<void>(resolve => setImmediate(resolve)).then(commitAll)
  }

  async function commitAll(): Promise<void> {
    while (waiting.length > 0) await commit(nextBatch(waiting))
    committing = undefined
  }

  async function commit(batch: Taken[]): Promise<void> {
    try {
      await store.commit(batch)
      for (const { message } of batch) message.ack()
      if (failing) log.info('the job cache takes facts again')
      failing = false
    } catch (error) {
      const { ofStore, message } = parts.readFailure(error)
      if (ofStore || batch.length === 1) return putOff(batch, message, ofStore)
      // One of them cannot be stored: the others are.
      for (const taken of batch) await commit([taken])
    }
  }

  function putOff(batch: Taken[], problem: string, ofStore: boolean): void {
    const first = describe(batch[0]!.fact)
    if (!ofStore) log.error({ ...first, problem }, 'a fact cannot be stored; it is tried again until it can')
    else if (!failing)
      log.error(
        { ...first, facts: batch.length, problem },
        'the job cache takes no facts; they are tried again until it does',
      )
    failing ||= ofStore
    for (const { message } of batch) message.nak(AGAIN_MS)
  }

  const consumer = await consumeDurable(nc, {
    stream: streamNames(subjects.ns).events,
    consumer: cacheConsumer(subjects.ns),
    ahead: EVENTS_AHEAD,
    log,
    onMessage,
  })

  let pruning: Promise<void> | undefined
  const prune = async () => {
    try {
      while (await store.prune(clock.now() - parts.keepMs, clock.now()))
        await new Promise(resolve => setImmediate(resolve))
    } catch (error) {
      log.warn({ error: errorMessage(error) }, 'jobs that are past their time could not be removed; it is tried again')
    }
    pruning = undefined
  }
  const timer = setInterval(() => {
    pruning ??= prune()
  }, PRUNE_EVERY_MS)
  pruning = prune()

  return {
    async stop() {
      clearInterval(timer)
      await consumer.stop()
      await committing
      await pruning
    },
  }
}

function nextBatch(waiting: Taken[]): Taken[] {
  let bytes = 0
  let count = 0
  for (const taken of waiting) {
    bytes += taken.bytes
    if (count > 0 && (count === BATCH_FACTS || bytes > BATCH_BYTES)) break
    count += 1
  }
  return waiting.splice(0, count)
}

const describe = ({ jid, what, ...fact }: Fact) => ({ jid, fact: what, ...('id' in fact ? { minion: fact.id } : {}) })
