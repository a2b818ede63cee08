// Writing to several stores at once. While one of them fails, the same records come again and again: those that have them are not
// given them a second time.
import { errorMessage, ReactorError } from '../base/errors.ts'
import { isRefused, refused } from '../functions/define-returner.ts'
import { createTaken, type Item, lastOfEach, type Taken } from './taken.ts'

export interface Named<S> {
  name: string
  store: S
}

/** Writes each record to all stores. `write` is one method of a store; what it took is remembered until all have it. */
export type WriteAll = <S, T>(
  stores: readonly Named<S>[],
  records: readonly T[],
  itemOf: (record: T) => Item<T>,
  write: (store: S, left: readonly T[]) => Promise<void>,
) => Promise<void>

export function createWriteAll(): WriteAll {
  /** By the name of a store, what it has and another has not. */
  const ahead = new Map<string, Taken>()
  /** Calls that have not ended: who gave up waiting for one comes again with the same records. */
  const underWay = new Set<() => void>()

  return async (stores, records, itemOf, write) => {
    for (const remember of underWay) remember()
    const isAnyAhead = () => [...ahead.values()].some(taken => taken.size > 0)
    // To name what is in a record costs time: while all is well nobody asks.
    const isBehind = isAnyAhead()
    let named: Item<(typeof records)[number]>[] | undefined
    const items = () => {
      named ??= lastOfEach(records.map(itemOf))
      return named
    }
    const took = new Set<string>()
    const remember = () => {
      for (const name of took) {
        const taken = ahead.get(name) ?? createTaken()
        ahead.set(name, taken)
        for (const item of items()) taken.add(item)
      }
    }
    underWay.add(remember)
    try {
      await inAll(stores, async ({ name, store }) => {
        const left = isBehind ? (ahead.get(name)?.left(items()) ?? items()).map(({ record }) => record) : records
        if (left.length > 0) await write(store, left)
        took.add(name)
      })
      if (isAnyAhead()) for (const taken of ahead.values()) for (const item of items()) taken.forget(item)
    } catch (error) {
      remember()
      throw error
    } finally {
      underWay.delete(remember)
    }
  }
}

/** Waits for all, also where one has failed. A record is refused only where that is all that went wrong: else a later try may do. */
export async function inAll<S, T>(stores: readonly Named<S>[], work: (one: Named<S>) => Promise<T>): Promise<T[]> {
  const outcomes = await Promise.allSettled(stores.map(work))
  const failed = outcomes.flatMap((outcome, n) =>
    outcome.status === 'rejected' ? [{ name: stores[n]!.name, error: outcome.reason as unknown }] : [],
  )
  if (failed.length === 0) return outcomes.map(outcome => (outcome as PromiseFulfilledResult<T>).value)
  const said = failed.map(({ name, error }) => `${name}: ${errorMessage(error)}`).join('; ')
  if (failed.every(({ error }) => isRefused(error))) throw refused(said, failed[0]!.error)
  const { error } = failed.find(one => !isRefused(one.error))!
  throw new ReactorError(error instanceof ReactorError ? error.code : 'function_failed', said, {}, error)
}
