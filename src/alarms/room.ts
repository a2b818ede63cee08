// How full the event store is, who has not read what is in it, and the alarms about that: before an event is refused, and
// before one goes unread.
import { JetStreamApiCodes, type JetStreamManager, type StreamInfo } from '@nats-io/jetstream'
import { formatDuration } from '../base/duration.ts'
import { consumerInfos } from '../bus/consumer-infos.ts'
import { isNoMessage } from '../bus/no-message.ts'
import { formatStamp } from '../protocol/event.ts'
import { kv } from '../protocol/jetstream-subjects.ts'
import { returnerNames } from '../protocol/returner-consumers.ts'
import { ACTIVE } from '../protocol/rule-view.ts'
import { bucketNames, consumerNames, streamNames } from '../protocol/streams.ts'
import type { Alarms } from './alarms.ts'
import { returnersAmong } from './returner-readers.ts'

export interface Reader {
  name: string
  /** All up to this sequence has been read. */
  floor: number
  /** One outside of the system, for whose store others do not go without their events. */
  returner?: { consumer: string; unread: number }
}

export interface Room {
  state: StreamInfo['state']
  /** Bytes; none: no bound. */
  maxBytes: number | undefined
  maxAgeMs: number | undefined
  /** Asked for only where there may be something to do or to tell. */
  readers: Reader[]
  /** Nobody has yet to read what stands at this sequence or before it. */
  floor: number
  /** Nobody but returners. */
  neededFloor: number
}

export interface RoomParts {
  jsm: JetStreamManager
  ns: string
  /** There is, or will be, a cache worker: what it has not read is not to go, though its consumer is not there yet. */
  hasCache?: boolean
  /** Readers beside the durable consumers, of the stream that was made at that time: stateful rules by their checkpoints. */
  others(created: string): Promise<Reader[]>
  now(): number
}

/** A store that is fuller than this part of its bound is told of. */
export const FULL = 0.9
/** Under this part that has ended; history of events is removed from it on. */
export const NEAR = 0.8
/** An event that is this part of its time old and still unread is told of. */
const EXPIRING = 0.8

/**
 * The durable consumers that there are, and `others`. A reactor that never was holds nothing up where there are no rules for it;
 * where there are, it has yet to read everything.
 */
export async function lookAtEvents({ jsm, ns, hasCache = false, others, now }: RoomParts): Promise<Room> {
  const { events } = streamNames(ns)
  const { reactor, cache } = consumerNames(ns)
  const { state, config, created } = await jsm.streams.info(events)
  const room = {
    state,
    maxBytes: config.max_bytes > 0 ? config.max_bytes : undefined,
    maxAgeMs: config.max_age > 0 ? config.max_age / 1e6 : undefined,
  }
  if (!isNearFull(room) && !mayExpire(room, now())) return { ...room, readers: [], floor: 0, neededFloor: 0 }
  const consumers = await consumerInfos(jsm, events, [reactor, cache, ...returnerNames(ns)])
  const readerBy = async (name: string, durable: string, isWanted: () => Promise<boolean>): Promise<Reader[]> => {
    const info = consumers.get(durable)
    if (info) return [{ name, floor: info.ack_floor.stream_seq }]
    return (await isWanted()) ? [{ name, floor: 0 }] : []
  }
  const asked = [
    readerBy('the reactor', reactor, () => hasRules(jsm, ns)),
    readerBy('the cache worker', cache, async () => hasCache),
    returnersAmong(jsm, ns, state.last_seq, consumers),
    others(String(created)),
  ]
  const readers = (await Promise.all(asked)).flat()
  const least = (some: readonly Reader[]) => Math.min(state.last_seq, ...some.map(({ floor }) => floor))
  return { ...room, readers, floor: least(readers), neededFloor: least(readers.filter(({ returner }) => !returner)) }
}

/** Whether a bundle of rules is in force. */
async function hasRules(jsm: JetStreamManager, ns: string): Promise<boolean> {
  const { stream, written } = kv(bucketNames(ns).rules)
  try {
    const subject = written[0]!.replace('>', ACTIVE)
    return (await jsm.streams.getMessage(stream, { last_by_subj: subject })) !== null
  } catch (error) {
    if (isNoMessage(error) || (error as { code?: number }).code === JetStreamApiCodes.StreamNotFound) return false
    throw error
  }
}

type Bounds = Pick<Room, 'state' | 'maxBytes' | 'maxAgeMs'>

export const isNearFull = ({ state, maxBytes }: Bounds): boolean =>
  maxBytes !== undefined && state.bytes > maxBytes * NEAR

export const isFull = ({ state, maxBytes }: Bounds): boolean => maxBytes !== undefined && state.bytes > maxBytes * FULL

/** Nothing in the stream is older than its first message. */
const mayExpire = ({ state, maxAgeMs }: Bounds, now: number): boolean =>
  maxAgeMs !== undefined && state.messages > 0 && Date.parse(String(state.first_ts)) <= now - maxAgeMs * EXPIRING

/** Raises and clears `store_full` about EVENTS and `events_expiring`, once what can be done about it has been done. */
export function createRoomAlarms({
  jsm,
  ns,
  alarms,
  now,
}: Pick<RoomParts, 'jsm' | 'ns'> & { alarms: Alarms; now(): number }): (room: Room) => Promise<void> {
  let overBefore = false

  const tellFull = ({ state, maxBytes, neededFloor }: Room, unread: Unread[]) => {
    const used = maxBytes === undefined ? 0 : state.bytes / maxBytes
    if (used <= NEAR) alarms.clear('store_full', 'EVENTS')
    // What was read and is still there may go this moment, by a cache worker.
    const wasOver = overBefore
    overBefore = used > FULL
    const removable = neededFloor >= state.first_seq
    if (!overBefore || (removable && !wasOver)) return
    const why = removable
      ? 'history that was read is not removed: does a cache worker run?'
      : `nothing of it may be removed: ${listed(unread)}`
    alarms.raise('store_full', 'EVENTS', {
      message: `EVENTS is ${Math.floor(used * 100)} % full, and ${why}; when it is full, events are refused`,
      bytes: state.bytes,
      max_bytes: maxBytes,
      unread,
    })
  }

  const tellExpiring = async (room: Room, unread: Unread[]) => {
    const oldest = await oldestUnread(room)
    if (oldest === undefined) return alarms.clear('events_expiring', '')
    const late = unread.filter(({ floor }) => floor < oldest.seq)
    const left = Math.max(0, oldest.goneAt - now())
    alarms.raise('events_expiring', '', {
      message: `an event of ${formatStamp(oldest.at)} is gone unread in ${formatDuration(Math.ceil(left / 1000) * 1000)} (streams.events_max_age): ${listed(late)}`,
      oldest: formatStamp(oldest.at),
      gone_in_s: Math.ceil(left / 1000),
      unread: late,
    })
  }

  const oldestUnread = async (room: Room) => {
    const { state, maxAgeMs, floor } = room
    if (maxAgeMs === undefined || floor >= state.last_seq || !mayExpire(room, now())) return undefined
    const query = { seq: Math.max(floor + 1, state.first_seq), next_by_subj: '>' }
    const next = await jsm.direct.getMessage(streamNames(ns).events, query)
    const at = next?.time.getTime()
    if (!next || at === undefined || at > now() - maxAgeMs * EXPIRING) return undefined
    return { seq: next.seq, at, goneAt: at + maxAgeMs }
  }

  return async room => {
    const { state, readers } = room
    const unread = readers
      .filter(({ floor }) => floor < state.last_seq)
      .map(({ name, floor }) => ({ name, floor, behind: state.last_seq - Math.max(floor, state.first_seq - 1) }))
    tellFull(room, unread)
    await tellExpiring(room, unread)
  }
}

interface Unread extends Reader {
  behind: number
}

const listed = (unread: readonly Unread[]): string =>
  unread.map(({ name, behind }) => `${name} has yet to read ${behind} event${behind === 1 ? '' : 's'}`).join(', ')
