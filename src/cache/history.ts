// `<ns>.history.events`: the stored events in pages, for those who may not touch JetStream themselves.
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { ReactorError } from '../base/errors.ts'
import { isObject } from '../base/json.ts'
import { maxPayload } from '../bus/max-payload.ts'
import { readBatch, type StoredMessage } from '../bus/read-batch.ts'
import { readEvent } from '../protocol/event.ts'
import { formatOrigin } from '../protocol/origin.ts'
import { streamNames } from '../protocol/streams.ts'
import type { Subjects } from '../protocol/subject.ts'

/** Ask with `since` (milliseconds since the epoch) first, then with `after_seq` from the page before. */
export interface HistoryRequest {
  since?: number
  after_seq?: number
  limit?: number
}

/** One event as commands and clients see it. */
export interface SeenEvent {
  seq: number
  tag: string
  data: Record<string, unknown>
  origin: string
  stamp: string
  id: string
  believed: boolean
  cause?: string
  hops: number
  chain?: string
}

export interface HistoryPage {
  events: SeenEvent[]
  /** Pass as `after_seq` for the next page. */
  next_seq: number
  /** The last event stored when the page was read. */
  last_seq: number
}

const MAX_LIMIT = 1000
const PAGE_BYTES = 700_000
/** What a page has around its events. */
const FRAME_BYTES = 1024
/** The last moment that a date can name. */
const MAX_MS = 8_640_000_000_000_000

/** Reads pages of EVENTS. Malformed events, and those whose tag may not be read, are left out and counted over by `next_seq`. */
export async function openHistory(
  nc: NatsConnection,
  subjects: Subjects,
): Promise<(request: unknown, mayRead?: (tag: string) => boolean) => Promise<HistoryPage>> {
  const jsm: JetStreamManager = await jetstreamManager(nc, { checkAPI: false })
  const stream = streamNames(subjects.ns).events

  return async (request, mayRead) => {
    const { since, after_seq: after, limit = MAX_LIMIT } = checkRequest(request)
    const { state } = await jsm.streams.info(stream)
    const last_seq = state.last_seq
    const empty: HistoryPage = { events: [], next_seq: last_seq, last_seq }
    if (state.messages === 0 || (after !== undefined && after >= last_seq)) return empty

    const from =
      after === undefined && since !== undefined ? { since } : { seq: Math.max((after ?? 0) + 1, state.first_seq) }
    const room = maxPayload(nc) - FRAME_BYTES
    const events: SeenEvent[] = []
    let size = 0
    let next_seq: number | undefined
    for (const stored of await readBatch(nc, stream, from, {
      messages: Math.min(limit, MAX_LIMIT),
      bytes: PAGE_BYTES,
    })) {
      if (stored.seq > last_seq) break
      const seen = seenEvent(subjects, stored, mayRead)
      if (seen) {
        let bytes = sizeOf(seen)
        if (bytes > room) {
          seen.data = { _left_out: `${stored.bytes} bytes, more than a page of history holds` }
          bytes = sizeOf(seen)
        }
        size += bytes
        // What does not fit begins the next page.
        if (size > room) break
        events.push(seen)
      }
      next_seq = stored.seq
    }
    return next_seq === undefined ? empty : { events, next_seq, last_seq }
  }
}

/** Bytes in a page: JSON may need more of them than the sender did. */
const sizeOf = (seen: SeenEvent): number => Buffer.byteLength(JSON.stringify(seen)) + 1

/** As a page shows it. */
function seenEvent(
  subjects: Subjects,
  stored: StoredMessage,
  mayRead: (tag: string) => boolean = () => true,
): SeenEvent | undefined {
  const read = readEvent(subjects.eventPrefix, stored)
  if (!read.ok || !mayRead(read.event.tag)) return undefined
  const { origin, ...event } = read.event
  return { seq: stored.seq, ...event, origin: formatOrigin(origin) }
}

function checkRequest(request: unknown): HistoryRequest {
  if (!isObject(request))
    throw new ReactorError('bad_argument', 'history: the body must be a map {since | after_seq, limit}')
  for (const [key, value] of Object.entries(request)) {
    if (value === undefined) continue
    const bound = Object.hasOwn(BOUNDS, key) ? BOUNDS[key as keyof HistoryRequest] : undefined
    if (!bound) throw new ReactorError('bad_argument', `history: unknown key '${key}'; there are ${KEYS.join(', ')}`)
    if (typeof value !== 'number' || !bound.fits(value))
      throw new ReactorError('bad_argument', `history: '${key}' must be ${bound.what}, got ${JSON.stringify(value)}`)
  }
  return request
}

const sequence = (least: number) => ({
  what: `a whole number from ${least} on`,
  fits: (value: number) => Number.isSafeInteger(value) && value >= least,
})
const BOUNDS = {
  since: {
    what: 'milliseconds since the epoch',
    fits: (value: number) => value >= 0 && value <= MAX_MS,
  },
  after_seq: sequence(0),
  limit: sequence(1),
}
const KEYS = Object.keys(BOUNDS)
