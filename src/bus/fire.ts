// Firing an event: stored, or an error. The one way for every process, minions and commands included.
import { headers as createHeaders } from '@nats-io/transport-node'
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
}

export type Fire = (tag: string, data: Record<string, unknown>, options?: FireOptions) => Promise<Fired>

/** Fires under one origin. Throws `bad_event`, `store_refused`, `unreachable`. */
export function createFire(publisher: Publisher, subjects: Subjects, origin: Origin): Fire {
  return async (tag, data, options = {}) => {
    const id = options.id ?? newEventId()
    const headers = options.cause || options.hops || options.chain ? createHeaders() : undefined
    if (options.cause) headers?.set(HEADER.cause, options.cause)
    if (options.hops) headers?.set(HEADER.hops, String(options.hops))
    if (options.chain) headers?.set(HEADER.chain, options.chain)
    const body = encodeEvent(tag, data, options.stamp ?? formatStamp(Date.now()))
    const ack = await publisher.publish(subjects.event(origin, tag), body, {
      id,
      ...(headers ? { headers } : {}),
      ...(options.deadlineMs === undefined ? {} : { deadlineMs: options.deadlineMs }),
    })
    return { id, seq: ack.seq }
  }
}
