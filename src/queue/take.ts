// Taking items from a queue, and removing them once they are done with.
import { ReactorError } from '../base/errors.ts'
import type { Lease, QueueBackend } from './backend.ts'

/** Given out at once: a process that dies holds back no more than these, for the time of a lease. */
const AT_ONCE = 500

/**
 * Takes the oldest items, up to `quantity`; `use` has them before they are removed, and where it fails they are not. Returns
 * all that were taken. The leases are kept while `use` works. `partly`: where it fails on the way, those that are removed by then are
 * returned, for nobody else will ever have them.
 */
export async function take(
  backend: QueueBackend,
  queue: string,
  quantity: number,
  use: (leases: readonly Lease[]) => Promise<unknown>,
  { partly = false } = {},
): Promise<unknown[]> {
  const taken: unknown[] = []
  while (taken.length < quantity) {
    try {
      const leases = await backend.lease(queue, Math.min(quantity - taken.length, AT_ONCE))
      if (leases.length === 0) break
      const removed = await takeSome(backend, queue, leases, use)
      for (const { item } of removed) taken.push(item)
      if (removed.length < leases.length)
        throw new ReactorError(
          'unreachable',
          `${removed.length} of ${leases.length} items could be removed from '${queue}'`,
        )
    } catch (error) {
      if (partly && taken.length > 0) break
      throw error
    }
  }
  return taken
}

async function takeSome(
  backend: QueueBackend,
  queue: string,
  leases: readonly Lease[],
  use: (leases: readonly Lease[]) => Promise<unknown>,
): Promise<readonly Lease[]> {
  try {
    await holding(backend, queue, leases, () => use(leases))
  } catch (error) {
    // Where this fails too they come back by themselves.
    await backend.nack(queue, leases).catch(() => undefined)
    throw error
  }
  return backend.ack(queue, leases)
}

/** Nobody else has them meanwhile, however long it takes. */
export async function holding<T>(
  backend: QueueBackend,
  queue: string,
  leases: readonly Lease[],
  work: () => Promise<T>,
): Promise<T> {
  const timer = setInterval(() => {
    // The next one may get through.
    backend.extend(queue, leases).catch(() => undefined)
  }, backend.leaseMs / 3)
  try {
    return await work()
  } finally {
    clearInterval(timer)
  }
}
