// Firing an event: stored, or an error. The one way for every process, minions and commands included.
import { encodeEvent, formatStamp, HEADER, newEventId } from '../protocol/event.ts'
import type { Origin } from '../protocol/origin.ts'
import type { Subjects } from '../protocol/subject.ts'
import type { Trace } from '../protocol/trace.ts'
import type { Publisher } from './publish.ts'

export interface FireOptions extends Trace {
  /** Kept over retries by a caller that spools; default: a new one. */
  id?: string
  stamp?: string
  deadlineMs?: number
}

export interface Fired {
  id: string
  seq: number
  /** The stream had it already, under the same id. */
  duplicate?: true
}

export type Fire = (tag: string, data: Record<string, unknown>, options?: FireOptions) => Promise<Fired>

/** Fires under one origin. Throws `bad_event`, `store_refused`, `unreachable`. */
export function createFire(publisher: Publisher, subjects: Subjects, origin: Origin): Fire {
  return async (tag, data, options = {}) => {
    const id = options.id ?? newEventId()
    const body = encodeEvent(tag, data, options.stamp ?? formatStamp(Date.now()))
    const { cause, hops, chain, deadlineMs } = options
    const traced = cause || hops || chain
    const ack = await publisher.publish(subjects.event(origin, tag), body, {
      id,
      ...(traced
        ? { headers: { [HEADER.cause]: cause, [HEADER.hops]: hops ? String(hops) : '', [HEADER.chain]: chain } }
        : {}),
      ...(deadlineMs === undefined ? {} : { deadlineMs }),
    })
    return { id, seq: ack.seq, ...(ack.duplicate ? { duplicate: true } : {}) }
  }
}
