// Makes room in EVENTS before it is full: history that every reader has read goes, the oldest first, and nothing else. A purge
// names a sequence, so that several cache workers that do it at once remove no more than one.
import type { JetStreamManager } from '@nats-io/jetstream'
import { isNearFull, type Room } from '../alarms/room.ts'
import { LOOK_EVERY_MS, type StoreWatchParts, watchStores } from '../alarms/stores.ts'
import type { Running } from '../base/service.ts'
import { streamNames } from '../protocol/streams.ts'

export interface Trimming extends Running {
  /** An event of so many bytes was read. */
  saw(bytes: number): void
  stats(): { trimmed: number }
}

/** Parts of the bound: trimmed to about the first; a round that comes near enough is the last. */
const DOWN_TO = 0.6
const NEAR_ENOUGH = 0.65
const ROUNDS = 20
/** Part of the bound after whose events it is looked again, however soon that is. */
const LOOK_EACH = 0.05
/** While nothing may go: a reader may come up at any moment. */
const HELD_MS = 250
/** What an event takes beyond its body: subject, headers, record. */
const AROUND_BODY = 200

export async function startTrimming(parts: StoreWatchParts): Promise<Trimming> {
  const { ns, log } = parts
  let trimmed = 0
  let read = 0
  let lookAfter = Number.POSITIVE_INFINITY

  const mend = async (room: Room, jsm: JetStreamManager): Promise<Room> => {
    lookAfter = (room.maxBytes ?? Number.POSITIVE_INFINITY) * LOOK_EACH
    read = 0
    const state = await trim(room, jsm, streamNames(ns).events)
    const events = state.first_seq - room.state.first_seq
    if (events > 0) {
      trimmed += events
      log.debug({ events, from: room.state.first_seq, to: state.first_seq - 1 }, 'history of events was removed')
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

/**
 * The state afterwards. How many events make so many bytes is known on the average only; the oldest may be larger than the
 * others, and then one of them says it better: rather too few go than too many, and another round takes what is left.
 */
export async function trim(room: Room, jsm: JetStreamManager, stream: string): Promise<Room['state']> {
  let { state } = room
  const { maxBytes, floor } = room
  if (maxBytes === undefined || !isNearFull(room)) return state
  for (let round = 0; round < ROUNDS; round++) {
    const over = state.bytes - maxBytes * DOWN_TO
    if (state.bytes <= maxBytes * NEAR_ENOUGH || floor < state.first_seq) return state
    const oldest = await jsm.direct.getMessage(stream, { seq: state.first_seq, next_by_subj: '>' })
    const size = Math.max(state.bytes / state.messages, (oldest?.data.length ?? 0) + AROUND_BODY)
    const events = Math.max(1, Math.ceil(over / size))
    // All before this sequence goes.
    await jsm.streams.purge(stream, { seq: Math.min(state.first_seq + events, floor + 1) })
    state = (await jsm.streams.info(stream)).state
  }
  return state
}
