// Looks at the stores again and again and raises the alarms about them. Every reactor does, and every cache worker after it
// has trimmed EVENTS: either is told of by the other while it is away, and the mark of an alarm keeps them from telling twice.
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import type { Clock } from '../base/clock.ts'
import { errorMessage } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'
import { formatStamp } from '../protocol/event.ts'
import { streamNames } from '../protocol/streams.ts'
import type { Alarms } from './alarms.ts'
import { createLateAlarms } from './late-returners.ts'
import { createRoomAlarms, FULL, lookAtEvents, NEAR, type Reader, type Room } from './room.ts'

export interface StoreWatchParts {
  nc: NatsConnection
  ns: string
  alarms: Alarms
  /** As in `RoomParts`. */
  hasCache?: boolean
  others(created: string): Promise<Reader[]>
  clock: Pick<Clock, 'now'>
  log: Log
}

export interface StoreWatch extends Running {
  /** Looks soon. */
  wake(): void
}

export const LOOK_EVERY_MS = 2000
/** Requests that are not answered by then are given up: the next look is another. */
const ANSWER_MS = 2000
/** Stores whose bound refuses what comes, beside EVENTS. Of the ledger the oldest gives way. */
const BOUNDED = ['reactions', 'jobs', 'parked', 'queues'] as const

/**
 * `mend` does what can be done before anything is told of, and gives the room as it is then; `pauseMs` says when to look again.
 */
export async function watchStores(
  { nc, ns, alarms, hasCache = false, others, clock, log }: StoreWatchParts,
  mend: (room: Room, jsm: JetStreamManager) => Promise<Room> = async room => room,
  pauseMs: (room: Room) => number = () => LOOK_EVERY_MS,
): Promise<StoreWatch> {
  const jsm = await jetstreamManager(nc, { checkAPI: false, timeout: ANSWER_MS })
  const tell = createRoomAlarms({ jsm, ns, alarms, now: clock.now })
  const tellLate = createLateAlarms(alarms)
  let stopped = false
  let failing = false
  let woken = false
  let wake = () => undefined as undefined

  const look = async (): Promise<number> => {
    try {
      const room = await mend(await lookAtEvents({ jsm, ns, hasCache, others, now: clock.now }), jsm)
      await tell(room)
      tellLate(room)
      for (const stream of BOUNDED) await tellOfStore(jsm, streamNames(ns)[stream], stream.toUpperCase(), alarms)
      await tellOfLedger(jsm, ns, room, alarms)
      if (failing) log.info('the stores can be looked at again')
      failing = false
      return pauseMs(room)
    } catch (error) {
      if (!failing && !stopped)
        log.warn({ error: errorMessage(error) }, 'the stores cannot be looked at; it is tried again')
      failing = true
      return LOOK_EVERY_MS
    }
  }
  const run = async () => {
    while (!stopped) {
      const pause = await look()
      if (stopped) return
      if (!woken)
        await new Promise<void>(resolve => {
          const timer = setTimeout(resolve, pause)
          wake = () => {
            clearTimeout(timer)
            resolve()
          }
        })
      woken = false
    }
  }
  const running = run()
  return {
    wake() {
      woken = true
      wake()
    },
    stop() {
      stopped = true
      wake()
      return running
    },
  }
}

async function tellOfStore(jsm: JetStreamManager, stream: string, name: string, alarms: Alarms): Promise<void> {
  const { state, config } = await jsm.streams.info(stream)
  const used = config.max_bytes > 0 ? state.bytes / config.max_bytes : 0
  if (used < NEAR) return alarms.clear('store_full', name)
  if (used <= FULL) return
  alarms.raise('store_full', name, {
    message: `${name} is ${Math.floor(used * 100)} % full with ${state.messages} messages; when it is full, more are refused`,
    bytes: state.bytes,
    max_bytes: config.max_bytes,
    messages: state.messages,
  })
}

/** What it takes until it is full from `FULL` on is dropped then. */
async function tellOfLedger(jsm: JetStreamManager, ns: string, { state: events }: Room, alarms: Alarms): Promise<void> {
  const { state, config } = await jsm.streams.info(streamNames(ns).done)
  const used = config.max_bytes > 0 ? state.bytes / config.max_bytes : 0
  if (used <= FULL) return alarms.clear('ledger', 'DONE')
  const [first, last] = [Date.parse(String(state.first_ts)), Date.parse(String(state.last_ts))]
  const soonFirst = first + (last - first) * (1 - FULL)
  const oldest = events.messages === 0 ? Number.POSITIVE_INFINITY : Date.parse(String(events.first_ts))
  if (soonFirst <= oldest) return alarms.clear('ledger', 'DONE')
  alarms.raise('ledger', 'DONE', {
    message: `DONE is ${Math.floor(used * 100)} % full, and reaches back to ${formatStamp(first)}: the oldest of it goes, and events from before that are kept, whose work would be done again if it came again`,
    bytes: state.bytes,
    max_bytes: config.max_bytes,
    oldest: formatStamp(first),
  })
}
