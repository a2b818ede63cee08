// Jobs for minions that were away. Each gets a mark in the stream JOBS; when it connects it asks on `<ns>.missed.<id>` for
// what it missed. A minion that comes in the middle is not missed: after its mark is stored the job is sent once more, so
// either that reaches it, or it had not subscribed yet and will ask after the mark is there. The same holds for one that
// seemed to be there and did not answer: its link may have been dead, and up again before the mark.
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { ReactorError } from '../base/errors.ts'
import { isObject } from '../base/json.ts'
import { maxPayload } from '../bus/max-payload.ts'
import { isTaken } from '../bus/pub-ack.ts'
import type { Publisher } from '../bus/publish.ts'
import { readBatch } from '../bus/read-batch.ts'
import { isJid } from '../protocol/jid.ts'
import type { JobMessage, JobRecord, MissedPage } from '../protocol/job.ts'
import { effectKey } from '../protocol/reaction.ts'
import { returningOf } from '../protocol/returning.ts'
import { streamNames } from '../protocol/streams.ts'
import type { Subjects } from '../protocol/subject.ts'
import type { JobRecords } from './records.ts'

export interface Missed {
  /** Marks that these minions were away when the job was sent. */
  mark(message: Pick<JobMessage, 'jid' | 'deadline'>, minions: readonly string[]): Promise<void>
  /** Nobody who is away gets the job any more. */
  forget(jid: string): Promise<void>
  /** The next jobs for a minion, oldest first, after it has those that it `took`. */
  page(minion: string, took: readonly string[]): Promise<MissedPage>
}

export interface MissedParts {
  nc: NatsConnection
  subjects: Subjects
  publisher: Publisher
  records: JobRecords
  now(): number
}

const MARKS_AT_ONCE = 100
/** More than they have: their bodies are empty. */
const MARKS_BYTES = 1024 * 1024
/** What a page has around its jobs. */
const FRAME_BYTES = 1024

export async function openMissed({ nc, subjects, publisher, records, now }: MissedParts): Promise<Missed> {
  const jsm: JetStreamManager = await jetstreamManager(nc, { checkAPI: false })
  const stream = streamNames(subjects.ns).jobs

  const mark = async (jid: string, minion: string, ttl: string): Promise<void> => {
    try {
      await publisher.publish(subjects.jobMissed(jid, minion), '', { headers: { 'Nats-TTL': ttl } })
    } catch (error) {
      if (!isTaken(error)) throw error
    }
  }
  const unmark = (jid: string, minion: string) =>
    jsm.streams.purge(stream, { filter: subjects.jobMissed(jid, minion) }).then(() => undefined)

  /** Jids of a minion's marks, oldest first. */
  const marked = async (minion: string): Promise<string[]> => {
    const from = { seq: 1, subject: subjects.allMissed(minion) }
    const marks = await readBatch(nc, stream, from, { messages: MARKS_AT_ONCE, bytes: MARKS_BYTES })
    return marks.map(({ subject }) => subject.split('.').at(-2)!).sort()
  }

  return {
    async mark({ jid, deadline }, minions) {
      const seconds = Math.ceil((deadline - now()) / 1000)
      if (seconds < 1) return
      await Promise.all(minions.map(minion => mark(jid, minion, String(seconds))))
    },
    async forget(jid) {
      await jsm.streams.purge(stream, { filter: subjects.jobMissed(jid) })
    },
    async page(minion, took) {
      await Promise.all(took.map(jid => unmark(jid, minion)))
      const room = maxPayload(nc) - FRAME_BYTES
      for (;;) {
        const jids = await marked(minion)
        if (jids.length === 0) return { jobs: [] }
        const jobs: JobMessage[] = []
        let size = 0
        for (const jid of jids) {
          const record = await records.find(jid)
          // What has no time left, or no record any more, is nothing that the minion could do.
          if (!record || record.deadline < now()) {
            await unmark(jid, minion)
            continue
          }
          const message = jobMessage(record)
          size += Buffer.byteLength(JSON.stringify(message)) + 1
          if (size > room && jobs.length > 0) break
          jobs.push(message)
        }
        if (jobs.length > 0) return { jobs }
      }
    },
  }
}

/** What a minion gets of a job's record. */
export function jobMessage(record: JobRecord): JobMessage {
  const { jid, fun, arg, kwarg, user, deadline, run_until, tgt = '', tgt_type = 'glob', hops } = record
  const { chain, untrusted } = record
  const key = record.key === jid ? jid : effectKey(record.key)
  return {
    ...{ jid, fun, arg, kwarg, user, deadline, run_until, tgt, tgt_type, key, hops },
    ...(chain ? { chain } : {}),
    ...(untrusted ? { untrusted } : {}),
    ...returningOf(record),
  }
}

/** Reads the body of a request on `<ns>.missed.<id>`. Throws `bad_argument`. */
export function readMissedRequest(body: unknown): string[] {
  const took = isObject(body) ? body.took : undefined
  if (Array.isArray(took) && took.length <= MARKS_AT_ONCE && took.every(isJid)) return took
  throw new ReactorError(
    'bad_argument',
    `missed: the body must be {took: [jids]}, at most ${MARKS_AT_ONCE}, got ${String(JSON.stringify(body)).slice(0, 80)}`,
  )
}
