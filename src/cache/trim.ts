// Makes room in EVENTS before it is full: history that every reader has read goes, the oldest first; nothing else but, before all
// would go without, what only returners have yet to get. A purge names a sequence, so that several cache workers that do it at once remove no more than one.
import type { JetStreamManager } from '@nats-io/jetstream'
import { createLateAlarms } from '../alarms/late-returners.ts'
import { isFull, isNearFull, type Room } from '../alarms/room.ts'
import { LOOK_EVERY_MS, type StoreWatchParts, watchStores } from '../alarms/stores.ts'
import type { Running } from '../base/service.ts'
import { streamNames } from '../protocol/streams.ts'
import { noteMissed } from './returning/missed.ts'

export interface Trimming extends Running {
  /** An event of so many bytes was read. */
  saw(bytes: number): void
  stats(): { trimmed: number }
}

/** Parts of the bound: trimmed to about the first; a round that comes near enough is the last. */
const DOWN_TO = 0.6
const NEAR_ENOUGH = 0.65
/** The same of what returners have yet to get: above the part at which they are told of as late. */
const SPARED_TO = 0.84
const SPARED_ENOUGH = 0.87
const ROUNDS = 20
/** Part of the bound after whose events it is looked again, however soon that is. */
const LOOK_EACH = 0.05
/** While nothing may go: a reader may come up at any moment. */
const HELD_MS = 250
/** What an event takes beyond its body: subject, headers, record. */
const AROUND_BODY = 200

export async function startTrimming(parts: StoreWatchParts): Promise<Trimming> {
  const { ns, alarms, log } = parts
  const tellLate = createLateAlarms(alarms)
  let trimmed = 0
  let read = 0
  let lookAfter = Number.POSITIVE_INFINITY

  const mend = async (room: Room, jsm: JetStreamManager): Promise<Room> => {
    lookAfter = (room.maxBytes ?? Number.POSITIVE_INFINITY) * LOOK_EACH
    read = 0
    const { events: stream } = streamNames(ns)
    let state = await trim(room, jsm, stream)
    if (isFull({ ...room, state })) {
      tellLate({ ...room, state })
      state = await removeLate({ ...room, state }, jsm, stream)
    }
    const events = state.first_seq - room.state.first_seq
    if (events > 0) {
      trimmed += events
      log.debug({ events, from: room.state.first_seq, to: state.first_seq - 1 }, 'history of events was removed')
      await noteMissed({ jsm, ns, alarms, log }, room.readers, room.state.first_seq, state.first_seq)
    }
    return { ...room, state }
  }
  const watch = await watchStores({ ...parts, hasCache: true }, mend, room =>
    isNearFull(room) ? HELD_MS : LOOK_EVERY_MS,
  )
  return {
    saw(bytes) {
      read += bytes + AROUND_BODY
      if (read >= lookAfter) watch.wake()
    },
    stats: () => ({ trimmed }),
    stop: watch.stop,
  }
}

/** The state afterwards: what every reader has read goes, down to a part of the bound. */
export async function trim(room: Room, jsm: JetStreamManager, stream: string): Promise<Room['state']> {
  const { state, maxBytes, floor } = room
  if (maxBytes === undefined || !isNearFull(room)) return state
  const [downTo, nearEnough] = [maxBytes * DOWN_TO, maxBytes * NEAR_ENOUGH]
  return removeOldest(state, jsm, stream, { floor, downTo, nearEnough })
}

/** As `trim`, of what only returners have yet to get, and no more of it than makes room for a while. */
async function removeLate(room: Room, jsm: JetStreamManager, stream: string): Promise<Room['state']> {
  const { state, neededFloor: floor } = room
  const [downTo, nearEnough] = [room.maxBytes! * SPARED_TO, room.maxBytes! * SPARED_ENOUGH]
  return removeOldest(state, jsm, stream, { floor, downTo, nearEnough })
}

/**
 * How many events make so many bytes is known on the average only; the oldest may be larger than the others, and then one of
 * them says it better: rather too few go than too many, and another round takes what is left.
 */
async function removeOldest(
  before: Room['state'],
  jsm: JetStreamManager,
  stream: string,
  { floor, downTo, nearEnough }: { floor: number; downTo: number; nearEnough: number },
): Promise<Room['state']> {
  let state = before
  for (let round = 0; round < ROUNDS; round++) {
    if (state.bytes <= nearEnough || floor < state.first_seq) return state
    const oldest = await jsm.direct.getMessage(stream, { seq: state.first_seq, next_by_subj: '>' })
    const size = Math.max(state.bytes / state.messages, (oldest?.data.length ?? 0) + AROUND_BODY)
    const events = Math.max(1, Math.ceil((state.bytes - downTo) / size))
    // All before this sequence goes.
    await jsm.streams.purge(stream, { seq: Math.min(state.first_seq + events, floor + 1) })
    state = (await jsm.streams.info(stream)).state
  }
  return state
}
