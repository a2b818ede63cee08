// What waits for one returner: given to its store in batches, tried again while that is down. What the store can never take is
// parked, one by one, and the others go on.
import type { Clock } from '../base/clock.ts'
import { errorMessage, ReactorError } from '../base/errors.ts'
import { isRefused, type ReturnerStore } from '../functions/define-returner.ts'
import type { StoredReturn } from '../protocol/returned.ts'
import { withinTime } from '../returner/time-limit.ts'

export interface Waiting {
  key: string
  returned: StoredReturn
  bytes: number
  /** On disk from before the minion's start: nobody has just asked for it. */
  fromBefore?: boolean
}

export interface QueueParts {
  /** Of the returner. */
  name: string
  /** Throws `bad_argument` where a call asks for what this minion does not have, anything else where a later try may do. */
  open(): Promise<ReturnerStore>
  /** The store has it. */
  onGone(key: string): void
  /** It never goes to the store, and does not wait here any more. Must not throw. */
  park(waiting: Waiting, reason: string): void
  /** The first try that fails, and the first after it that does not. */
  onDown(error: unknown): void
  onUp(): void
  /** Nothing waits any more. */
  onIdle(): void
  /** What a store takes longer over than so many milliseconds counts as failed, and is given again. */
  limitMs: number
  backoff: Backoff
  clock: Clock
}

export interface Backoff {
  firstMs: number
  mostMs: number
}

export interface ReturnerQueue {
  add(waiting: Waiting): void
  /** It is not given any more; a call that is under way may still have it. */
  forget(key: string): void
  readonly size: number
  readonly bytes: number
  /** What its last try failed on; undefined: it did not. */
  readonly problem: string | undefined
  /** Resolves once no call is under way, or after so many milliseconds; what waits is left. */
  stop(withinMs: number): Promise<void>
}

const MOST_AT_ONCE = 100
const MOST_BYTES_AT_ONCE = 1024 * 1024

export function createReturnerQueue(parts: QueueParts): ReturnerQueue {
  const { clock, backoff } = parts
  const waiting = new Map<string, Waiting>()
  const stopping = new AbortController()
  let bytes = 0
  let problem: string | undefined
  let running: Promise<void> | undefined

  const forget = (key: string) => {
    bytes -= waiting.get(key)?.bytes ?? 0
    waiting.delete(key)
  }
  /** Unless another has come in its place meanwhile. */
  const gone = (one: Waiting) => {
    if (waiting.get(one.key) !== one) return
    forget(one.key)
    parts.onGone(one.key)
  }
  const toEnd = (one: Waiting) => {
    if (waiting.get(one.key) !== one) return
    waiting.delete(one.key)
    waiting.set(one.key, one)
  }
  const park = (one: Waiting, error: unknown) => {
    if (waiting.get(one.key) !== one) return
    forget(one.key)
    parts.park(one, errorMessage(error))
  }

  const give = async (batch: readonly Waiting[]) => {
    let store: ReturnerStore
    try {
      store = await parts.open()
    } catch (error) {
      if (!isOfTheCall(error)) throw error
      for (const one of batch) if (!one.fromBefore) park(one, error)
      // What waits from before had its returner once, and gets it when that is there again.
      if (batch.some(one => one.fromBefore)) throw error
      return
    }
    await offer(store, batch)
    up()
  }
  const up = () => {
    if (problem === undefined) return
    problem = undefined
    parts.onUp()
  }
  const offer = async (store: ReturnerStore, batch: readonly Waiting[]): Promise<void> => {
    try {
      await withinTime(parts.limitMs, `the store of the returner '${parts.name}'`, async () => {
        await store.returner!(batch.map(({ returned }) => returned))
        // Also where nobody waits for it any more: what it took late need not be given again.
        for (const one of batch) gone(one)
        if (waiting.size === 0) up()
      })
    } catch (error) {
      if (!isRefused(error)) throw error
      if (batch.length === 1) return park(batch[0]!, error)
      const half = batch.length >> 1
      await offer(store, batch.slice(0, half))
      return offer(store, batch.slice(half))
    }
  }

  const run = async () => {
    let waitMs = backoff.firstMs
    let most = MOST_AT_ONCE
    while (waiting.size > 0 && !stopping.signal.aborted) {
      const batch = nextBatch(waiting.values(), most)
      try {
        await give(batch)
        waitMs = backoff.firstMs
        most = Math.min(most * 2, MOST_AT_ONCE)
      } catch (error) {
        if (stopping.signal.aborted) return
        // It may be one of them that the store trips over each time: the others must not wait behind it.
        most = Math.max(1, most >> 1)
        for (const one of batch) toEnd(one)
        const first = problem === undefined
        problem = errorMessage(error)
        if (first) parts.onDown(error)
        // Thousands of minions must not come back to a store at the same moment.
        await clock.sleep(waitMs * (0.75 + Math.random() / 2), stopping.signal).catch(() => undefined)
        waitMs = Math.min(waitMs * 2, backoff.mostMs)
      }
    }
  }
  const start = () => {
    running ??= run().finally(() => {
      running = undefined
      if (stopping.signal.aborted) return
      if (waiting.size > 0) start()
      else parts.onIdle()
    })
  }

  return {
    add(one) {
      forget(one.key)
      waiting.set(one.key, one)
      bytes += one.bytes
      if (!stopping.signal.aborted) start()
    },
    forget,
    get size() {
      return waiting.size
    },
    get bytes() {
      return bytes
    },
    get problem() {
      return problem
    },
    async stop(withinMs) {
      stopping.abort()
      const late = new AbortController()
      await Promise.race([running, clock.sleep(withinMs, late.signal).catch(() => undefined)])
      late.abort()
    },
  }
}

function nextBatch(all: Iterable<Waiting>, most: number): Waiting[] {
  const batch: Waiting[] = []
  let bytes = 0
  for (const one of all) {
    if (batch.length > 0 && (batch.length === most || bytes + one.bytes > MOST_BYTES_AT_ONCE)) break
    batch.push(one)
    bytes += one.bytes
  }
  return batch
}

const isOfTheCall = (error: unknown): boolean => error instanceof ReactorError && error.code === 'bad_argument'
