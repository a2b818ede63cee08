// Draining: items of queues go to rules by themselves, at a bounded rate. One job worker leads and the others wait for its lease;
// what a paused leader has in hand is leased from the queue, so that the one after it takes other items.

import { setMaxListeners } from 'node:events'
import type { Clock } from '../base/clock.ts'
import { errorMessage, ReactorError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'
import type { Fire } from '../bus/fire.ts'
import type { Leases } from '../bus/lease.ts'
import type { QueueBackendName } from '../protocol/queue.ts'
import type { Backends } from './backends.ts'
import { processQueue } from './process.ts'

export interface DrainOf {
  backend?: QueueBackendName | undefined
  rate: { items: number; everyMs: number }
  /** Items of one event at most; absent: so many that ten events a second are enough. */
  batch?: number | undefined
}

export interface DrainParts {
  queues: Readonly<Record<string, DrainOf>>
  open: Backends['open']
  leases: Pick<Leases, 'take'>
  fire: Fire
  clock: Clock
  log: Log
}

const LEASE = 'queue-drain'
/** Of events that are fired a second without a `batch`. */
const EVENTS_S = 10
/** An empty queue, or one whose store is away, is looked at again after this at the earliest. */
const IDLE_MS = 250
const FAILED_MS = 1000

export interface Drain extends Running {
  /** Items that were handed to rules from here, by their queue. */
  drained(): ReadonlyMap<string, number>
}

export function startDrain(parts: DrainParts): Drain {
  const { queues, leases, clock, log } = parts
  const stopping = new AbortController()
  const names = Object.keys(queues)
  const drained = new Map(names.map(name => [name, 0]))

  const count = (name: string) => (items: number) => {
    drained.set(name, drained.get(name)! + items)
  }
  const run = async () => {
    while (!stopping.signal.aborted) {
      const lease = await leases.take(LEASE, stopping.signal)
      if (!lease) return
      log.info({ queues: names }, 'queues are drained from here')
      const over = AbortSignal.any([stopping.signal, lease.lost])
      // Every queue listens to it.
      setMaxListeners(0, over)
      await Promise.all(
        names.map(name => drainQueue(name, queues[name]!, parts, () => lease.valid(), over, count(name))),
      )
      await lease.release()
      // Another may be quicker now.
      await clock.sleep(IDLE_MS, stopping.signal).catch(() => undefined)
    }
  }
  const running = names.length > 0 ? run() : Promise.resolve()
  return {
    drained: () => drained,
    async stop() {
      stopping.abort()
      await running
    },
  }
}

/** Items of one event, and milliseconds from one to the next. */
export function paceOf({ rate: { items, everyMs }, batch }: DrainOf): { batch: number; everyMs: number } {
  const perMs = items / everyMs
  // No more in one event than the rate gives in its time.
  const many = Math.min(batch ?? Math.max(1, Math.ceil((perMs * 1000) / EVENTS_S)), items)
  return { batch: many, everyMs: many / perMs }
}

async function drainQueue(
  name: string,
  given: DrainOf,
  { open, fire, clock, log }: DrainParts,
  leads: () => boolean,
  over: AbortSignal,
  count: (items: number) => void,
): Promise<void> {
  const { batch, everyMs } = paceOf(given)
  let failing = false
  // Another leader may have fired just before.
  let wait = everyMs
  for (;;) {
    await clock.sleep(Math.max(1, wait), over).catch(() => undefined)
    if (over.aborted) return
    wait = everyMs
    if (!leads()) continue
    const began = clock.now()
    try {
      const { items } = await processQueue(await open(given.backend), name, batch, {
        fire: withRoom(fire, clock, over),
      })
      failing = false
      count(items.length)
      // A queue that gives all that it may is kept to its pace, whatever the giving itself took.
      if (items.length === batch) wait = everyMs - Math.max(0, clock.now() - began)
      else wait = Math.max(everyMs, IDLE_MS)
    } catch (error) {
      if (over.aborted) return
      wait = Math.max(everyMs, FAILED_MS)
      if (!failing)
        log.warn({ queue: name, error: errorMessage(error) }, 'a queue cannot be drained yet; it is tried again')
      failing = true
    }
  }
}

/** A store without room is no fault of the items: they wait in hand until it has some. */
const withRoom =
  (fire: Fire, clock: Clock, over: AbortSignal): Fire =>
  async (...event) => {
    for (;;) {
      try {
        // One that waits for its server would hold up the end of the process; stored after all, its id makes it one with the next try.
        return await beforeAbort(fire(...event), over)
      } catch (error) {
        if (!(error instanceof ReactorError) || error.code !== 'store_refused') throw error
        await clock.sleep(FAILED_MS, over)
      }
    }
  }

function beforeAbort<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
