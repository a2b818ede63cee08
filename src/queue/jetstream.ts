// Queues in the stream QUEUES: an item is a message on a subject of its own, which takes one, so that it is unique; a durable
// consumer a queue gives out each to one worker, and again where it was not acked within the time of the lease.
import { setTimeout as delay } from 'node:timers/promises'
import { type ConsumerInfo, JetStreamApiCodes, type JetStreamManager, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { errorMessage, ReactorError } from '../base/errors.ts'
import { provisionConsumer } from '../bus/provision.ts'
import { isTaken } from '../bus/pub-ack.ts'
import type { Publisher } from '../bus/publish.ts'
import { readBatch, type StoredMessage } from '../bus/read-batch.ts'
import { HEADER } from '../protocol/event.ts'
import { queueConsumer, queueIn, streamNames } from '../protocol/streams.ts'
import type { Subjects } from '../protocol/subject.ts'
import type { Lease, QueueBackend, QueueSettings } from './backend.ts'
import { headersOf, keyIn, leaseOf, nak, traceIn, triesIn } from './jetstream-item.ts'
import { type Delivery, pullNow } from './pull.ts'

/** Messages, and bytes of them, that are asked for at once. */
const AHEAD = 500
const READ = { messages: 500, bytes: 8 * 1024 * 1024 }
const ONE = { ...READ, messages: 1 }
const ACK_MS = 5000
/** Times that a queue which has items may give out none; the wait grows by a millisecond each time. */
const MOST_MISSED = 30
/** An item that could not be laid to the dead ones, as where there is no room, comes by again after this. */
const BURY_AGAIN_MS = 5000
/** Until then a message that gets no ack is sent again. */
const STORED_MS = 30_000

export interface JetStreamQueueParts {
  nc: NatsConnection
  subjects: Subjects
  publisher: Publisher
}

export async function openJetStreamQueues(
  { nc, subjects, publisher }: JetStreamQueueParts,
  { leaseMs, tries }: QueueSettings,
): Promise<QueueBackend> {
  const stream = streamNames(subjects.ns).queues
  const jsm: JetStreamManager = await jetstreamManager(nc, { checkAPI: false })
  const made = new Map<string, Promise<unknown>>()
  const consumerOf = (queue: string) => queueConsumer(subjects.ns, queue, leaseMs)

  const makeQueue = (queue: string) => {
    let making = made.get(queue)
    if (!making) {
      making = provisionConsumer(nc, stream, consumerOf(queue))
      making.catch(() => made.delete(queue))
      made.set(queue, making)
    }
    return making
  }
  const find = async (queue: string): Promise<ConsumerInfo | undefined> => {
    try {
      return await jsm.consumers.info(stream, consumerOf(queue).durable_name)
    } catch (error) {
      if ((error as { code?: number }).code === JetStreamApiCodes.ConsumerNotFound) return undefined
      throw away(error)
    }
  }
  /** What another config made gives items out again after the time of its own lease, and not of this one. */
  const fitLease = async (queue: string) => {
    if (!made.has(queue) && (await find(queue))) await makeQueue(queue)
  }
  /** Of a queue that has items but no consumer, as after a restore, one is made: they would never be given out. */
  const infoOf = async (queue: string): Promise<ConsumerInfo | undefined> => {
    const found = await find(queue)
    if (found) return found
    const from = { seq: 1, subject: subjects.queueItem('ready', queue) }
    if ((await readBatch(nc, stream, from, ONE)).length === 0) return undefined
    made.delete(queue)
    await makeQueue(queue)
    return find(queue)
  }
  /** Whether there is one that was never given out. A consumer is told of new ones a moment after whoever stored them. */
  const hasMore = async (queue: string): Promise<boolean> => {
    const info = await infoOf(queue)
    if (!info) return false
    const from = { seq: info.delivered.stream_seq + 1, subject: subjects.queueItem('ready', queue) }
    return (await readBatch(nc, stream, from, ONE)).length > 0
  }
  /** False: its subject had one already. */
  const store = async (subject: string, text: string, id: string, headers: Record<string, string | undefined>) => {
    try {
      await publisher.publish(subject, text, { id, headers, deadlineMs: STORED_MS })
      return true
    } catch (error) {
      if (isTaken(error)) return false
      throw error
    }
  }
  /** That it was handled is answered: what is asked next counts it. */
  const remove = (id: string) => nc.request(id, '', { timeout: ACK_MS })
  async function* read(subject: string): AsyncGenerator<StoredMessage> {
    for (let seq = 1; ; ) {
      const batch = await readBatch(nc, stream, { seq, subject }, READ)
      yield* batch
      if (batch.length === 0) return
      seq = batch.at(-1)!.seq + 1
    }
  }
  const countOf = async (filter: string): Promise<number> => {
    try {
      const { state } = await jsm.streams.info(stream, { subjects_filter: filter })
      return Object.keys(state.subjects ?? {}).length
    } catch (error) {
      throw away(error)
    }
  }
  const purge = (filter: string) => jsm.streams.purge(stream, { filter }).catch(error => Promise.reject(away(error)))

  /** Undefined: it is not to be given out now, and has been put aside. */
  const given = async (queue: string, delivery: Delivery): Promise<Lease | undefined> => {
    const { waitMs, ...lease } = leaseOf(delivery)
    const { id, uid, key, trace } = lease
    if (waitMs > 0) {
      nc.publish(id, nak(waitMs))
      return undefined
    }
    if (lease.tries <= tries) return lease
    try {
      // A crash in between has it buried again, where it lies already.
      const dead = subjects.queueItem('dead', queue, key)
      await store(dead, delivery.message.string(), `dead-${uid}`, headersOf(trace, { tries }))
    } catch (error) {
      nc.publish(id, nak(BURY_AGAIN_MS))
      throw error
    }
    await remove(id)
    return undefined
  }

  return {
    name: 'jetstream',
    leaseMs,
    async insert(queue, entries, delayMs = 0) {
      await makeQueue(queue)
      const due = delayMs > 0 ? { dueMs: Date.now() + delayMs } : {}
      const existing = new Set<string>()
      for (let at = 0; at < entries.length; at += AHEAD)
        // On one connection they are stored in the order in which they are sent.
        await Promise.all(
          entries.slice(at, at + AHEAD).map(async ({ key, uid, text, trace }) => {
            const ready = subjects.queueItem('ready', queue, key)
            if (!(await store(ready, text, uid, headersOf(trace, due)))) existing.add(key)
          }),
        )
      return existing
    },
    async delete(queue, keys) {
      if (!(await infoOf(queue))) return
      for (let at = 0; at < keys.length; at += AHEAD)
        await Promise.all(
          keys
            .slice(at, at + AHEAD)
            .flatMap(key => [
              purge(subjects.queueItem('ready', queue, key)),
              purge(subjects.queueItem('dead', queue, key)),
            ]),
        )
    },
    async queues() {
      const names: string[] = []
      try {
        for await (const { name } of jsm.consumers.list(stream)) names.push(...queueIn(subjects.ns, name))
      } catch (error) {
        throw away(error)
      }
      return names.sort()
    },
    async length(queue) {
      const info = await infoOf(queue)
      return info ? info.num_pending + info.num_ack_pending : 0
    },
    async counts(queue) {
      const info = await infoOf(queue)
      const oldest = await readBatch(nc, stream, { seq: 1, subject: subjects.queueItem('ready', queue) }, ONE)
      return {
        waiting: info?.num_pending ?? 0,
        leased: info?.num_ack_pending ?? 0,
        dead: await countOf(subjects.queueItem('dead', queue)),
        oldestMs: oldest[0] && Math.max(0, Date.now() - oldest[0].storedMs),
      }
    },
    async items(queue, most) {
      const items: unknown[] = []
      for await (const message of read(subjects.queueItem('ready', queue))) {
        if (items.length >= most) break
        items.push(JSON.parse(message.text()))
      }
      return items
    },
    async lease(queue, most) {
      await fitLease(queue)
      for (let missed = 0; ; ) {
        const deliveries = await pullNow(nc, stream, consumerOf(queue).durable_name, Math.min(most, AHEAD))
        if (!deliveries?.length) {
          if (!(await hasMore(queue))) return []
          if (++missed > MOST_MISSED) throw away(new Error(`the items of '${queue}' are not given out just now`))
          await delay(missed)
          continue
        }
        const found = await Promise.allSettled(deliveries.map(delivery => given(queue, delivery)))
        const leases = found.flatMap(one => (one.status === 'fulfilled' && one.value ? [one.value] : []))
        // One that cannot be buried, as where there is no room, holds up no other.
        if (leases.length > 0) return leases
        const failed = found.find(one => one.status === 'rejected')
        if (failed) throw away(failed.reason)
      }
    },
    async ack(_queue, leases) {
      // Where an answer is lost it says so when it is asked again.
      const asked = await Promise.allSettled(leases.map(({ id }) => remove(id).catch(() => remove(id))))
      const removed = leases.filter((_, at) => asked[at]!.status === 'fulfilled')
      const failed = asked.find(one => one.status === 'rejected')
      if (failed && removed.length === 0) throw away(failed.reason)
      return removed
    },
    async nack(_queue, leases, delayMs = 0) {
      for (const { id } of leases) nc.publish(id, nak(delayMs))
      await nc.flush().catch(error => Promise.reject(away(error)))
    },
    async extend(_queue, leases) {
      for (const { id } of leases) nc.publish(id, '+WPI')
      await nc.flush().catch(error => Promise.reject(away(error)))
    },
    async dead(queue, most) {
      const found: { item: unknown; tries: number }[] = []
      for await (const message of read(subjects.queueItem('dead', queue))) {
        if (found.length >= most) break
        found.push({ item: JSON.parse(message.text()), tries: triesIn(message.header) })
      }
      return found
    },
    async revive(queue, keys) {
      const wanted = keys && new Set(keys)
      let revived = 0
      for await (const message of read(subjects.queueItem('dead', queue))) {
        const key = keyIn(message.subject)
        if (wanted && !wanted.has(key)) continue
        const id = `again-${message.seq}-${message.header(HEADER.id) ?? key}`
        const ready = subjects.queueItem('ready', queue, key)
        // What was inserted again meanwhile lives already.
        if (!(await store(ready, message.text(), id, headersOf(traceIn(message.header))))) continue
        await purge(message.subject)
        revived += 1
      }
      return revived
    },
    close: async () => undefined,
  }
}

function away(error: unknown): ReactorError {
  if (error instanceof ReactorError) return error
  return new ReactorError('unreachable', `the queues in JetStream: ${errorMessage(error)}`, {}, error)
}
