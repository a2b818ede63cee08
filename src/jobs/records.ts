// The stream JOBS: one record a job, stored before anything is sent. A subject takes one message, so a jid is taken once,
// whoever asks; the record tells who took it.
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { errorMessage, ReactorError } from '../base/errors.ts'
import { isNoMessage } from '../bus/no-message.ts'
import { isTaken, type Publisher } from '../bus/publish.ts'
import { newEventId } from '../protocol/event.ts'
import { createJidSource, jidOfWork } from '../protocol/jid.ts'
import type { JobRecord } from '../protocol/job.ts'
import { serviceOrigin } from '../protocol/origin.ts'
import { streamNames } from '../protocol/streams.ts'
import type { Subjects } from '../protocol/subject.ts'

/** A piece of named work: its jid is derived from it, so that whoever takes it over finds the same one. */
export interface Work {
  key: string
  /** When its cause was stored, milliseconds. */
  causeMs: number
}

export interface JobRecords {
  /**
   * Stores the record of a job before it starts, under the jid asked for, the one its work derives, or a new one.
   * `resumed`: this work had taken its jid before, in another worker or in this one before a crash.
   * Throws `jid_taken` when the jid asked for is another's, and `outcome_unknown` for work so old that its record may be
   * gone, where its minions had it announced before.
   */
  open(
    record: Omit<JobRecord, 'jid' | 'key' | 'announce'>,
    by: {
      work?: Work | undefined
      jid?: string | undefined
      /** `long`: for `keepLongMs`. Default: `short`, an hour beyond its deadline. */
      keep?: 'short' | 'long'
    },
  ): Promise<{ record: JobRecord; resumed: boolean }>
  find(jid: string): Promise<JobRecord | undefined>
}

const SHORT_MS = 3_600_000

/** `keepLongMs`: longer than the event that is a job's cause can come again. */
export async function openJobRecords(
  nc: NatsConnection,
  subjects: Subjects,
  publisher: Publisher,
  keepLongMs: number,
): Promise<JobRecords> {
  const jsm: JetStreamManager = await jetstreamManager(nc, { checkAPI: false })
  const { jobs: stream, events } = streamNames(subjects.ns)
  const newJid = createJidSource()

  /** False when the jid is taken. */
  const put = async (record: JobRecord, ttlSeconds: number): Promise<boolean> => {
    const fields = { 'Nats-TTL': String(ttlSeconds) }
    // A repeat of this publish after a lost ack is a duplicate and no refusal.
    try {
      await publisher.publish(subjects.jobRecord(record.jid), JSON.stringify(record), { id: record.announce, fields })
      return true
    } catch (error) {
      if (isTaken(error)) return false
      throw error
    }
  }

  const find = async (jid: string): Promise<JobRecord | undefined> => {
    try {
      const stored = await jsm.streams.getMessage(stream, { last_by_subj: subjects.jobRecord(jid) })
      return stored?.json<JobRecord>()
    } catch (error) {
      if (isNoMessage(error)) return undefined
      throw new ReactorError(
        'unreachable',
        `the record of job ${jid} cannot be read: ${errorMessage(error)}`,
        {},
        error,
      )
    }
  }

  /** Whether minions may have had this job under a record that is gone: its announcement comes first, and is kept longer. */
  const isForgotten = async (jid: string): Promise<boolean> => {
    if (await find(jid)) return false
    try {
      const subject = subjects.event(serviceOrigin('_jobs'), `salt/job/${jid}/new`)
      return (await jsm.direct.getMessage(events, { last_by_subj: subject })) !== null
    } catch (error) {
      if (isNoMessage(error)) return false
      throw new ReactorError('unreachable', `whether job ${jid} ran cannot be read: ${errorMessage(error)}`, {}, error)
    }
  }

  return {
    find,
    async open(base, { work, jid, keep = 'short' }) {
      const isOld = work !== undefined && base.kind === 'local' && Date.now() - work.causeMs > SHORT_MS
      const ttl = keep === 'long' ? keepLongMs : SHORT_MS + Math.max(0, base.deadline - Date.now())
      const announce = newEventId()
      for (let probe = 0; ; probe++) {
        const own = jid ?? (work ? jidOfWork(work.causeMs, work.key, probe) : newJid())
        if (isOld && (await isForgotten(own))) {
          const message = `job ${own} was started before, and too long ago for its minions to know it: whether it was done is not known`
          throw new ReactorError('outcome_unknown', message, { jid: own })
        }
        const record: JobRecord = { ...base, jid: own, key: work?.key ?? own, announce }
        if (await put(record, Math.ceil(ttl / 1000))) return { record, resumed: false }
        const holder = await find(own)
        // Our own publish, repeated after an ack that was lost for longer than the stream remembers ids.
        if (holder?.announce === announce) return { record, resumed: false }
        if (jid !== undefined) throw new ReactorError('jid_taken', `jid ${jid} belongs to another job already`, { jid })
        if (work && holder?.key === work.key) return { record: holder, resumed: true }
      }
    },
  }
}
