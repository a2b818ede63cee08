// The queues of a minion: one for each destination that something waits for, or that was said to be down.
import type { Clock } from '../base/clock.ts'
import type { WaitingReturns } from '../functions/minion-context.ts'
import { type Backoff, createReturnerQueue, type ReturnerQueue, type Waiting } from './returner-queue.ts'
import { type Destination, destinationKey } from './returner-spool.ts'
import type { ReturnerStores } from './returner-stores.ts'
import type { ReturnerTelling } from './returner-telling.ts'

export interface QueuesParts {
  stores: Pick<ReturnerStores, 'open' | 'release'>
  telling: Pick<ReturnerTelling, 'down' | 'up'>
  /** As of one queue. */
  onGone(key: string): void
  /** As of one queue. */
  park(to: Destination, waiting: Waiting, reason: string): void
  limitMs: number
  backoff: Backoff
  clock: Clock
}

export interface ReturnerQueues {
  add(to: Destination, waiting: Waiting): void
  /** It is not given any more; a call that is under way may still have it. */
  forget(to: Destination, key: string): void
  /** By returner: one may have several queues, of calls that brought settings along. */
  waiting(): WaitingReturns[]
  stop(withinMs: number): Promise<void>
}

export function createReturnerQueues(parts: QueuesParts): ReturnerQueues {
  const { stores, telling, onGone, limitMs, backoff, clock } = parts
  const queues = new Map<string, { returner: string; queue: ReturnerQueue }>()

  const make = (key: string, to: Destination): ReturnerQueue => {
    const { returner } = to
    const queue: ReturnerQueue = createReturnerQueue({
      name: returner,
      open: () => stores.open(to),
      onGone,
      park: (one, reason) => parts.park(to, one, reason),
      onDown: error => telling.down(returner, queue, error),
      onUp: () => telling.up(returner, queue),
      onIdle() {
        stores.release(to)
        // What was said to be down is said to be up, though what waited for it was dropped. Of settings of calls there may be any number.
        if (queue.problem === undefined || key !== returner) queues.delete(key)
      },
      ...{ limitMs, backoff, clock },
    })
    queues.set(key, { returner, queue })
    return queue
  }

  return {
    add(to, one) {
      const key = destinationKey(to)
      const queue = queues.get(key)?.queue ?? make(key, to)
      queue.add(one)
    },
    forget: (to, key) => queues.get(destinationKey(to))?.queue.forget(key),
    waiting() {
      const byName = new Map<string, WaitingReturns>()
      for (const { returner, queue } of queues.values()) {
        if (queue.size === 0) continue
        const { returns, bytes, problem = queue.problem } = byName.get(returner) ?? { returns: 0, bytes: 0 }
        byName.set(returner, {
          ...{ returner, returns: returns + queue.size, bytes: bytes + queue.bytes },
          ...(problem === undefined ? {} : { problem }),
        })
      }
      return [...byName.values()]
    },
    async stop(withinMs) {
      await Promise.all([...queues.values()].map(({ queue }) => queue.stop(withinMs)))
    },
  }
}
