// What the system has on record: events, decisions, parked reactions and jobs from its streams, read by a user of the test's
// own, and what the job cache tells an operator.
import { type JsMsg, jetstream } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { createJobCache } from '../../src/cache/client.ts'
import { type Event, readEvent } from '../../src/protocol/event.ts'
import type { JobRecord } from '../../src/protocol/job.ts'
import type { JobView } from '../../src/protocol/job-view.ts'
import type { Decision, DecisionBatch, Parked, Suppression } from '../../src/protocol/reaction.ts'
import { streamNames } from '../../src/protocol/streams.ts'
import { createSubjects } from '../../src/protocol/subject.ts'

export interface Records {
  events: Event[]
  decisions: Decision[]
  suppressions: Suppression[]
  parked: Parked[]
  jobs: JobRecord[]
}

const subjects = createSubjects('reactor')
const names = streamNames('reactor')

export interface Reader {
  /** All that is there by now; what was read before is kept. */
  read(): Promise<Records>
  /** Jobs as the job cache has them, by jid. */
  views(jids: readonly string[]): Promise<Map<string, JobView | null>>
  /** Of jobs that may still be answered. */
  active(): Promise<string[]>
}

/** `core` may read the streams, `operator` asks as operators do. */
export function createReader(core: NatsConnection, operator: NatsConnection): Reader {
  const js = jetstream(core, { timeout: 10_000 })
  const cache = createJobCache(operator, subjects)
  const records: Records = { events: [], decisions: [], suppressions: [], parked: [], jobs: [] }
  const last = new Map<string, number>()

  const readNew = async (stream: string, take: (message: JsMsg) => void) => {
    const from = (last.get(stream) ?? 0) + 1
    const consumer = await js.consumers.get(stream, { opt_start_seq: from })
    const { num_pending: pending } = await consumer.info(true)
    if (pending === 0) return
    const messages = await consumer.consume()
    for await (const message of messages) {
      take(message)
      last.set(stream, message.seq)
      if (message.info.pending === 0) break
    }
  }
  return {
    async read() {
      await readNew(names.events, message => {
        const raw = {
          subject: message.subject,
          text: () => message.string(),
          header: (name: string) => message.headers?.get(name),
          storedMs: message.info.timestampNanos / 1e6,
          seq: message.seq,
        }
        const read = readEvent(subjects.eventPrefix, raw)
        if (read.ok) records.events.push(read.event)
      })
      await readNew(names.done, message => {
        const { decisions, suppressed = [] } = message.json<DecisionBatch>()
        records.decisions.push(...decisions)
        records.suppressions.push(...suppressed)
      })
      // What waits now: it is taken away where it turns out to be done.
      records.parked = []
      last.delete(names.parked)
      await readNew(names.parked, message => void records.parked.push(message.json<Parked>()))
      await readNew(names.jobs, message => {
        // Marks of minions that were away are empty, and those of a start name no job.
        const record = message.data.length > 0 ? message.json<Partial<JobRecord>>() : {}
        if (record.jid !== undefined) records.jobs.push(record as JobRecord)
      })
      return records
    },
    async views(jids) {
      const views = new Map<string, JobView | null>()
      for (const jid of jids) views.set(jid, await cache.job(jid))
      return views
    },
    active: async () => (await cache.jobs({ active: true, limit: 1000 })).jobs.map(({ jid }) => jid),
  }
}
