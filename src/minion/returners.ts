// Returns for returners: what a job was sent with (`ret`) and what the config gives every return to (`ext_job_cache`). On disk
// first, then delivered, gone from disk once the store has it. No job and no stop waits for a store.
import { type Clock, systemClock } from '../base/clock.ts'
import type { DurableMap } from '../base/durable-map.ts'
import { errorMessage } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { REDACTED } from '../base/redact.ts'
import type { Running } from '../base/service.ts'
import { cut } from '../base/text.ts'
import type { StoredReturn } from '../protocol/returned.ts'
import { type Returning, returnerNames, returningOf } from '../protocol/returning.ts'
import { LOCAL } from '../returner/load.ts'
import type { RefusedReturns } from './refused-returns.ts'
import { type Backoff, createReturnerQueue, type ReturnerQueue, type Waiting } from './returner-queue.ts'
import { createReturnerRoom } from './returner-room.ts'
import { type Destination, destinationKey, type Undelivered } from './returner-spool.ts'
import type { ReturnerStores } from './returner-stores.ts'
import { untilWritten } from './until-written.ts'

/** Data of `salt/minion/<id>/returner`. */
export interface ReturnerSaid extends Record<string, unknown> {
  returner: string
  /** `filling`, `full`: what waits on disk for all returners; this is the one with the most. */
  state: 'down' | 'up' | 'filling' | 'full'
  /** Returns, and their bytes: for this returner; of `filling` and `full` for all. */
  waiting: number
  bytes: number
  reason: string
}

export interface Returners extends Running {
  /** Resolves once it is on disk for each returner of the job that has room; what is not taken is said. Never throws. */
  take(job: Returning, returned: StoredReturn): Promise<void>
}

export interface ReturnersParts {
  file: DurableMap<Undelivered>
  refused: RefusedReturns
  stores: ReturnerStores
  /** Names of returners that every return goes to. */
  always: readonly string[]
  /** Bytes that may wait. */
  mostBytes: number
  /** Fires `salt/minion/<id>/<what>`; does not wait and does not fail. */
  say(what: 'returner' | 'returner_refused', data: Record<string, unknown>): void
  backoff?: Backoff
  clock?: Clock
  log: Log
}

const BACKOFF: Backoff = { firstMs: 1000, mostMs: 60_000 }
/** How long a stop waits for calls that are under way, and then for stores to close. */
const SETTLE_MS = 500
/** Stores choose the length of their words. */
const MOST_REASON = 500

/** What is in the file from before goes first. */
export function startReturners(parts: ReturnersParts): Returners {
  const { file, refused, stores, always, mostBytes, say, backoff = BACKOFF, clock = systemClock, log } = parts
  const queues = new Map<string, { to: Destination; queue: ReturnerQueue }>()
  const room = createReturnerRoom(mostBytes, state => tellRoom(state))

  const tellRoom = (state: 'filling' | 'full') => {
    const most = [...queues.values()].sort((a, b) => b.queue.bytes - a.queue.bytes)[0]?.to.returner ?? ''
    const reason =
      state === 'full'
        ? `no more returns wait on disk for returners: minion.returner_spool is ${mostBytes} bytes; the job cache has them all the same`
        : `returns that wait on disk for returners take most of minion.returner_spool (${mostBytes} bytes)`
    log.error({ returner: most, bytes: room.bytes }, reason)
    say('returner', {
      returner: most,
      state,
      waiting: file.values.size,
      bytes: room.bytes,
      reason,
    } satisfies ReturnerSaid)
  }

  const open = (to: Destination): ReturnerQueue => {
    const key = destinationKey(to)
    const known = queues.get(key)
    if (known) return known.queue
    const { returner } = to
    const tell = (state: 'down' | 'up', reason: string) => {
      const { size: waiting, bytes } = queue
      say('returner', { returner, state, waiting, bytes, reason } satisfies ReturnerSaid)
    }
    const queue = createReturnerQueue({
      open: () => stores.open(to),
      onGone(gone) {
        room.free(gone)
        void untilWritten(() => file.delete(gone), log)
      },
      async park({ key: at, returned }, words) {
        const reason = cut(words, MOST_REASON)
        const kept = { to: withoutSettings(to), returned, reason, at: clock.now() }
        if (!(await refused.park(at, kept))) return false
        const { jid } = returned
        log.error({ returner, jid, reason }, 'a returner never takes this return; it is kept in refused-returns.jsonl')
        say('returner_refused', { returner, jid, reason })
        return true
      },
      onDown(error) {
        const reason = cut(errorMessage(error), MOST_REASON)
        log.warn({ returner, reason }, 'a returner takes no returns; they wait on disk until it does')
        tell('down', reason)
      },
      onUp() {
        log.info({ returner, waiting: queue.size }, 'a returner takes returns again')
        tell('up', '')
      },
      onIdle() {
        queues.delete(key)
        stores.release(to)
      },
      backoff,
      clock,
    })
    queues.set(key, { to, queue })
    return queue
  }

  const takeFor = async (to: Destination, returned: StoredReturn) => {
    const value: Undelivered = { to, returned }
    const { returner } = to
    const { jid } = returned
    const one: Waiting = { key: keyOf(value), returned, bytes: Buffer.byteLength(JSON.stringify(value)) }
    // What is there of this job is older, and must not take the newer one's line with it when it is done.
    queues.get(destinationKey(to))?.queue.forget(one.key)
    if (!room.take(one.key, one.bytes)) {
      const { bytes } = room
      log.error(
        { returner, jid, size: one.bytes, bytes },
        'a return is not given to its returner: too many wait on disk',
      )
      return
    }
    try {
      await file.put(one.key, value)
    } catch (error) {
      log.error({ returner, jid, error: errorMessage(error) }, 'a return waits for its returner without being on disk')
    }
    open(to).add(one)
  }

  for (const [key, value] of file.values) {
    const bytes = Buffer.byteLength(JSON.stringify(value))
    room.hold(key, bytes)
    open(value.to).add({ key, returned: value.returned, bytes })
  }

  return {
    async take(job, returned) {
      const destinations = destinationsOf(job, always)
      if (destinations.length > 0) await Promise.all(destinations.map(to => takeFor(to, returned)))
    },
    async stop() {
      await Promise.all([...queues.values()].map(({ queue }) => queue.stop(SETTLE_MS)))
      await stores.close(SETTLE_MS)
      await refused.close()
    },
  }
}

const keyOf = ({ to, returned }: Undelivered): string => `${returned.jid}/${destinationKey(to)}`

/** What a call brought along may hold secrets, in whatever place: what is kept says only which settings there were. */
const withoutSettings = ({ ret_kwargs, ...to }: Destination): Destination =>
  ret_kwargs ? { ...to, ret_kwargs: Object.fromEntries(Object.keys(ret_kwargs).map(key => [key, REDACTED])) } : to

/** Each once; the same returner with settings of the job and without is two. */
function destinationsOf(job: Returning, always: readonly string[]): Destination[] {
  const { ret = '', ...own } = returningOf(job)
  if (ret === '' && always.length === 0) return []
  const all = [
    ...returnerNames(ret).map((returner): Destination => ({ returner, ...own })),
    ...always.map((returner): Destination => ({ returner })),
  ]
  const byKey = new Map(all.map(to => [destinationKey(to), to]))
  return [...byKey.values()].filter(({ returner }) => returner !== LOCAL)
}
