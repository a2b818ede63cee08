// The stream JOBS: one record a job, stored before anything is sent, and marks of work that may not be done twice. A subject
// takes one message, so a jid is taken once, whoever asks; the record tells who took it.
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { errorMessage, ReactorError } from '../base/errors.ts'
import { lastOn } from '../bus/last-on.ts'
import { isTaken } from '../bus/pub-ack.ts'
import type { Publisher } from '../bus/publish.ts'
import { jobNew } from '../protocol/catalogue/jobs.ts'
import { HEADER, newEventId } from '../protocol/event.ts'
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
  /** It was with a worker before. */
  again?: true
}

export interface JobRecords {
  /**
   * Stores the record of a job before it starts, under the jid asked for, the one its work derives, or a new one.
   * `resumed`: this work had taken its jid before, in another worker or in this one before a crash.
   * It is kept for an hour beyond its deadline. Throws `jid_taken` when the jid asked for is another's, and `outcome_unknown`
   * for work so old that its record may be gone, where its minions had it announced before, or may have had.
   */
  open(
    record: Omit<JobRecord, 'jid' | 'key' | 'announce'>,
    by: {
      work?: Work | undefined
      jid?: string | undefined
    },
  ): Promise<{ record: JobRecord; resumed: boolean }>
  /**
   * Marks work as begun that may not be done twice, by its key alone: an event that is fired again under its id is stored at
   * another time. `before`: it was begun before; `causeMs`: as whoever began it had it.
   */
  mark(work: Work): Promise<{ before: boolean; causeMs: number }>
  find(jid: string): Promise<JobRecord | undefined>
  /**
   * Whether minions may have had this job: its announcement comes first, and is kept longer than its record. Where events of
   * that time are gone, nobody can say, unless it comes for the first time.
   */
  mayHaveGone(jid: string, work: Work): Promise<boolean>
}

/** Of a job that minions may have had and do not know any more. */
export const forgotten = (jid: string): ReactorError =>
  new ReactorError(
    'outcome_unknown',
    `job ${jid} was started before, and too long ago for its minions to know it: whether it was done is not known`,
    { jid },
  )

const SHORT_MS = 3_600_000

/** `keepMarksMs`: longer than the event that is a job's cause can come again. */
export async function openJobRecords(
  nc: NatsConnection,
  subjects: Subjects,
  publisher: Publisher,
  keepMarksMs: number,
): Promise<JobRecords> {
  const jsm: JetStreamManager = await jetstreamManager(nc, { checkAPI: false })
  const { jobs: stream, events } = streamNames(subjects.ns)
  const newJid = createJidSource()

  /** False when the jid is taken. */
  const put = async (record: JobRecord, ttlSeconds: number): Promise<boolean> => {
    const headers = { 'Nats-TTL': String(ttlSeconds) }
    // A repeat of this publish after a lost ack is a duplicate and no refusal.
    try {
      await publisher.publish(subjects.jobRecord(record.jid), JSON.stringify(record), { id: record.announce, headers })
      return true
    } catch (error) {
      if (isTaken(error)) return false
      throw error
    }
  }

  const find = async (jid: string): Promise<JobRecord | undefined> => {
    const stored = await lastOn(jsm, stream, subjects.jobRecord(jid), { what: `the record of job ${jid}` })
    return stored?.json<JobRecord>()
  }

  const mayHaveGone: JobRecords['mayHaveGone'] = async (jid, { causeMs, again }) => {
    const subject = subjects.event(serviceOrigin('_jobs'), jobNew.tag({ jid }))
    if (await lastOn(jsm, events, subject, { what: `whether job ${jid} ran`, direct: true })) return true
    return again === true && (await isGone(causeMs))
  }
  const isGone = async (causeMs: number): Promise<boolean> => {
    try {
      const { state } = await jsm.streams.info(events)
      return state.messages === 0 || Date.parse(String(state.first_ts)) > causeMs
    } catch (error) {
      throw new ReactorError('unreachable', `${events} cannot be looked at: ${errorMessage(error)}`, {}, error)
    }
  }

  return {
    find,
    mayHaveGone,
    async open(base, { work, jid }) {
      const isOld = work !== undefined && base.kind === 'local' && Date.now() - work.causeMs > SHORT_MS
      const ttl = SHORT_MS + Math.max(0, base.deadline - Date.now())
      const announce = newEventId()
      for (let probe = 0; ; probe++) {
        const own = jid ?? (work ? jidOfWork(work.causeMs, work.key, 'record', probe) : newJid())
        if (isOld && !(await find(own)) && (await mayHaveGone(own, work))) throw forgotten(own)
        const record: JobRecord = { ...base, jid: own, key: work?.key ?? own, announce }
        if (await put(record, Math.ceil(ttl / 1000))) return { record, resumed: false }
        const holder = await find(own)
        // Our own publish, repeated after an ack that was lost for longer than the stream remembers ids.
        if (holder?.announce === announce) return { record, resumed: false }
        if (jid !== undefined) throw new ReactorError('jid_taken', `jid ${jid} belongs to another job already`, { jid })
        if (work && holder?.key === work.key) return { record: holder, resumed: true }
      }
    },
    async mark({ key, causeMs }) {
      const subject = subjects.startMark(key)
      const id = newEventId()
      const headers = { 'Nats-TTL': String(Math.ceil(keepMarksMs / 1000)) }
      try {
        await publisher.publish(subject, JSON.stringify({ causeMs }), { id, headers })
        return { before: false, causeMs }
      } catch (error) {
        if (!isTaken(error)) throw error
        const there = await lastOn(jsm, stream, subject, { what: `whether '${key}' was begun` })
        // Its time, or whoever has ended the work, has just taken it away.
        if (!there) return { before: true, causeMs }
        // Its own, where an ack was lost for longer than the stream remembers ids.
        return { before: there.header.get(HEADER.id) !== id, causeMs: there.json<{ causeMs: number }>().causeMs }
      }
    },
  }
}
