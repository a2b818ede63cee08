// Returns for returners: what a job was sent with (`ret`) and what the config gives every return to (`ext_job_cache`). On disk
// first, then delivered, gone from disk once the store has it. No job and no stop waits for a store.
import { type Clock, systemClock } from '../base/clock.ts'
import type { DurableMap } from '../base/durable-map.ts'
import { errorMessage } from '../base/errors.ts'
import { createInHand } from '../base/in-hand.ts'
import type { Running } from '../base/service.ts'
import type { MinionReturners } from '../functions/minion-context.ts'
import type { StoredReturn } from '../protocol/returned.ts'
import { type Returning, returnerNames, returningOf } from '../protocol/returning.ts'
import { createParkedReturns, isOf, withoutSettings } from './parked-returns.ts'
import type { RefusedReturns } from './refused-returns.ts'
import type { Backoff, Waiting } from './returner-queue.ts'
import { createReturnerQueues } from './returner-queues.ts'
import { createReturnerRoom } from './returner-room.ts'
import { type Destination, destinationsOf, keyOf, type Undelivered } from './returner-spool.ts'
import type { ReturnerStores } from './returner-stores.ts'
import { createReturnerTelling, type ReturnerTellingParts, reasonOf } from './returner-telling.ts'
import { untilWritten } from './until-written.ts'

export interface Returners extends Running, MinionReturners {
  /** Resolves once it is on disk for each returner of the job that has room; what is not taken is said. Never throws. */
  take(job: Returning, returned: StoredReturn): Promise<void>
}

export interface ReturnersParts extends ReturnerTellingParts {
  file: DurableMap<Undelivered>
  refused: RefusedReturns
  stores: ReturnerStores
  /** Names of returners that every return goes to. */
  always: readonly string[]
  /** What a store gets for a batch; default: a minute. */
  limitMs?: number
  backoff?: Backoff
  clock?: Clock
}

const LIMIT_MS = 60_000
const BACKOFF: Backoff = { firstMs: 1000, mostMs: 60_000 }
/** How long a stop waits for calls that are under way, and then for stores to close. */
const SETTLE_MS = 500

/** What is in the file from before goes first. */
export function startReturners(parts: ReturnersParts): Returners {
  const { file, refused, stores, always, mostBytes, clock = systemClock, log } = parts
  const { limitMs = LIMIT_MS, backoff = BACKOFF } = parts
  const telling = createReturnerTelling(parts)
  const inHand = createInHand(error => log.error({ error: errorMessage(error) }, 'a return is not where it should be'))
  /** Not in a queue any more, and not yet in the file of those that were refused. */
  const parking = new Map<string, Waiting>()

  const room = createReturnerRoom(mostBytes, state => {
    const most = queues.waiting().sort((a, b) => b.bytes - a.bytes)[0]?.returner ?? ''
    telling.room(state, most, { size: file.values.size, bytes: room.bytes })
  })
  let clearing = Promise.resolve()
  const gone = (key: string) => {
    room.free(key)
    file.delete(key).catch(() => {
      // One after another: on a full disk one of them says so, and not each. What has come in its place meanwhile stays.
      clearing = clearing.then(() => untilWritten(async () => void (room.has(key) || (await file.delete(key))), log))
    })
  }
  const park = async (to: Destination, one: Waiting, reason: string) => {
    const { key, returned } = one
    parking.set(key, one)
    const kept = await refused.park(key, { to: withoutSettings(to), returned, reason, at: clock.now() })
    // Another may have come in its place meanwhile.
    if (parking.get(key) !== one) return
    parking.delete(key)
    if (!kept) return
    gone(key)
    telling.refused(to.returner, returned.jid, reason)
  }
  const queues = createReturnerQueues({
    ...{ stores, telling, onGone: gone, limitMs, backoff, clock },
    // Beside the queue: while the disk takes none, what waits behind it goes on.
    park: (to, one, words) => inHand.add(park(to, one, reasonOf(words))),
  })

  /** Writes it down, where there is room; undefined: there is none. It is in no queue then. */
  const keep = async (to: Destination, returned: StoredReturn): Promise<Waiting | undefined> => {
    const one = waitingOf({ to, returned })
    const { key, bytes: size } = one
    const what = { returner: to.returner, jid: returned.jid }
    // What is there of this job is older, and must not take the newer one's line with it when it is done.
    queues.forget(to, key)
    parking.delete(key)
    if (!room.take(key, size)) {
      log.error({ ...what, size, bytes: room.bytes }, 'a return is not given to its returner: too many wait on disk')
      return undefined
    }
    try {
      await file.put(key, { to, returned })
    } catch (error) {
      log.error({ ...what, error: errorMessage(error) }, 'a return waits for its returner without being on disk')
    }
    return one
  }
  const take = async (to: Destination, returned: StoredReturn) => {
    const one = await keep(to, returned)
    if (one) queues.add(to, one)
  }
  const putBack = async ({ to, returned }: Undelivered, taken: () => Promise<void>): Promise<string | undefined> => {
    if (file.values.has(keyOf({ to, returned }))) return 'a newer return of its job waits for the same returner'
    const one = await keep(to, returned)
    if (!one) return `too many returns wait on disk: minion.returner_spool is ${mostBytes} bytes`
    // Only then: it may be refused anew.
    await taken().finally(() => queues.add(to, one))
  }
  const sayUnknownSettings = async ({ ret = '', ret_kwargs }: Returning, { jid }: StoredReturn) => {
    const settings = ret_kwargs ? await stores.unknownSettings(returnerNames(ret), ret_kwargs) : []
    if (settings.length > 0) telling.unknownSettings({ ret, settings, jid })
  }

  const parked = createParkedReturns({ refused, putBack })
  for (const value of file.values.values()) {
    const one = { ...waitingOf(value), fromBefore: true }
    room.hold(one.key, one.bytes)
    queues.add(value.to, one)
  }

  return {
    async take(job, returned) {
      const destinations = destinationsOf(job, always)
      if (destinations.length === 0) return
      await Promise.all(destinations.map(to => take(to, returned)))
      inHand.add(sayUnknownSettings(returningOf(job), returned))
    },
    waiting: queues.waiting,
    parked: parked.parked,
    retry: parked.retry,
    async drop({ waiting, ...which }) {
      const found = waiting ? [...file.values].filter(([, one]) => isOf(which, one)) : []
      for (const [key, { to }] of found) {
        queues.forget(to, key)
        gone(key)
      }
      return found.length + (await parked.drop(which))
    },
    async stop() {
      await queues.stop(SETTLE_MS)
      await stores.close(SETTLE_MS)
      await refused.close()
      await inHand.settle(SETTLE_MS)
      telling.stop()
    },
  }
}

const waitingOf = (value: Undelivered): Waiting => ({
  key: keyOf(value),
  returned: value.returned,
  bytes: Buffer.byteLength(JSON.stringify(value)),
})
