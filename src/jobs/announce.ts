// Taking a jid by announcing the job: its first event is stored only where nothing is stored under its subject yet, so it
// is record and announcement in one message. For functions as work; that those which may not be done twice were begun is
// remembered by a mark of its own.

import { setTimeout as delay } from 'node:timers/promises'
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { lastOn } from '../bus/last-on.ts'
import { isOvertaken } from '../bus/pub-ack.ts'
import type { Publisher } from '../bus/publish.ts'
import { encodeEvent, formatStamp, HEADER, newEventId } from '../protocol/event.ts'
import { jidOfWork } from '../protocol/jid.ts'
import { type ServiceOrigin, serviceOrigin } from '../protocol/origin.ts'
import { streamNames } from '../protocol/streams.ts'
import type { Subjects } from '../protocol/subject.ts'
import type { Trace } from '../protocol/trace.ts'
import type { Work } from './records.ts'

/** Throws `store_refused`, `unreachable`; the jid is that of the work, whoever took it before. */
export type Announce = (
  work: Work,
  job: { event(jid: string): [tag: string, data: Record<string, unknown>]; trace: Trace },
) => Promise<string>

export async function openAnnounce(
  nc: NatsConnection,
  subjects: Subjects,
  publisher: Publisher,
  service: ServiceOrigin,
): Promise<Announce> {
  const jsm: JetStreamManager = await jetstreamManager(nc, { checkAPI: false })
  const { events } = streamNames(subjects.ns)
  const origin = serviceOrigin(service)

  /** The work whose announcement is stored there; empty: somebody else's word. */
  const holder = async (subject: string): Promise<string | undefined> => {
    const stored = await lastOn(jsm, events, subject, { what: `who has '${subject}'`, direct: true })
    return stored?.header.get(HEADER.work)
  }

  return async ({ key, causeMs }, { event, trace }) => {
    const { cause, hops, chain } = trace
    const headers = {
      ...{ [HEADER.cause]: cause, [HEADER.hops]: hops ? String(hops) : '', [HEADER.chain]: chain },
      [HEADER.work]: key,
      'Nats-Expected-Last-Subject-Sequence': '0',
    }
    for (let probe = 0; ; ) {
      const jid = jidOfWork(causeMs, key, 'announcement', probe)
      const [tag, data] = event(jid)
      const subject = subjects.event(origin, tag)
      const body = encodeEvent(tag, data, formatStamp(Date.now()))
      try {
        await publisher.publish(subject, body, { id: newEventId(), headers })
        return jid
      } catch (error) {
        // A message that was stored and whose ack was lost is refused like another's when it is sent again.
        if (!isOvertaken(error)) throw error
        const found = await holder(subject)
        if (found === key) return jid
        if (found !== undefined) probe += 1
        // It is on its way through the cluster, and may be this work's own.
        else await delay(IN_PROCESS_MS)
      }
    }
  }
}

const IN_PROCESS_MS = 50
