// Handing records on to what takes them one by one and keeps no tables: which of them go, and what comes of a failure.
import { createInHand } from '../base/in-hand.ts'
import { isRefused } from '../functions/define-returner.ts'
import type { Item, Taken } from './taken.ts'

/** So many may fail: it may be these records that the other side trips over, and those behind them must not wait. */
const MOST_FAILED = 3

/**
 * Sends each that was not taken before, at most `atOnce` at a time. One that is refused lets the others go, and the first refusal is
 * thrown at the end. After a few other failures nothing more is begun, and the first is thrown once what was begun has ended.
 */
export async function handOn<T>(
  items: readonly Item<T>[],
  taken: Taken,
  atOnce: number,
  send: (item: Item<T>) => Promise<void>,
): Promise<void> {
  const left = taken.left(items)
  const errors: unknown[] = []
  let failed = 0
  let next = 0
  const work = async () => {
    while (next < left.length && failed < MOST_FAILED) {
      const item = left[next++]!
      await taken
        .once(item, () => send(item))
        .catch((error: unknown) => {
          errors.push(error)
          if (!isRefused(error)) failed += 1
        })
    }
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, left.length) }, work))
  taken.ended(items)
  throwWorst(errors)
}

/** Sends those that were not taken before in one, where there are any: they are taken all, or none is. */
export async function handOnTogether<T>(
  items: readonly Item<T>[],
  taken: Taken,
  send: (left: readonly Item<T>[]) => Promise<void>,
): Promise<void> {
  const left = taken.left(items)
  const [first, ...others] = left
  if (!first) return
  // Of several nobody knows which it is that is refused.
  if (others.length === 0) return taken.once(first, () => send(left)).finally(() => taken.ended(items))
  await send(left)
  for (const item of left) taken.add(item)
}

/** Throws the first failure that a later try may mend, else the first refusal. */
export function throwWorst(errors: readonly unknown[]): void {
  if (errors.length > 0) throw errors.find(error => !isRefused(error)) ?? errors[0]
}

/** What a store is asked to do, so that it can be waited for when the store closes. */
export function createCalls() {
  const inHand = createInHand(() => undefined)
  return {
    async hold(work: () => Promise<void>): Promise<void> {
      const call = work()
      inHand.add(call)
      return call
    },
    ended: () => inHand.settle(),
  }
}
