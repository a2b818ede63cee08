// The stored event that a reaction is about: by its sequence where that is known, else looked for about the time at which
// it was stored, among those of its tag.
import type { NatsConnection } from '@nats-io/transport-node'
import { redactSecrets } from '../../base/redact.ts'
import { readBatch } from '../../bus/read-batch.ts'
import { readEvent } from '../../protocol/event.ts'
import { formatOrigin } from '../../protocol/origin.ts'
import { windowId } from '../../protocol/reaction.ts'
import type { ReactionDetail } from '../../protocol/reaction-view.ts'
import { streamNames } from '../../protocol/streams.ts'
import type { Subjects } from '../../protocol/subject.ts'
import { tagToTokens } from '../../protocol/tag.ts'

export interface Wanted {
  id: string
  tag: string
  seq: number | undefined
  /** When it was stored, about. */
  aboutMs: number
}

/** A record is entered a moment after it was decided, and says how long before that its event was stored. */
const EARLIER_MS = 10_000
const MOST_READ = 2000
const AT_ONCE = { messages: 500, bytes: 4 * 1024 * 1024 }

export function createFindCause(nc: NatsConnection, subjects: Subjects) {
  const stream = streamNames(subjects.ns).events
  return async ({ id, tag, seq, aboutMs }: Wanted): Promise<ReactionDetail['cause'] | undefined> => {
    if (tag === '') return undefined
    const subject = `${subjects.eventPrefix}*.${tagToTokens(tag)}`
    let from: { seq: number } | { since: number } = seq ? { seq } : { since: Math.max(0, aboutMs - EARLIER_MS) }
    for (let looked = 0; looked < MOST_READ; ) {
      const batch = await readBatch(nc, stream, { ...from, subject }, seq ? { ...AT_ONCE, messages: 1 } : AT_ONCE)
      for (const stored of batch) {
        const read = readEvent(subjects.eventPrefix, stored)
        if (!read.ok || (read.event.id !== id && windowId(read.event.id, stored.storedMs) !== id)) continue
        const { origin, stamp, data } = read.event
        return {
          ...{ seq: stored.seq, tag, origin: formatOrigin(origin), stamp },
          data: redactSecrets(data) as Record<string, unknown>,
        }
      }
      const end = batch.at(-1)
      if (!end || seq) return undefined
      looked += batch.length
      from = { seq: end.seq + 1 }
    }
    return undefined
  }
}
