// Handing items of a queue to rules: fired as `salt/queue/<queue>/process`, and removed from the queue once that event is stored.
//
// A process that dies in between has them fired again when their lease is over. The event has an id that follows from its items,
// so that the stream takes it once where the same items come together again within its window (ten minutes), as one by one they
// always do; else rules see an item twice. Never does an item get lost.
import { createHash } from 'node:crypto'
import type { Fire } from '../bus/fire.ts'
import { queueProcess } from '../protocol/catalogue/queues.ts'
import { formatStamp } from '../protocol/event.ts'
import { MOST_ITEM_BYTES, type QueueProcess } from '../protocol/queue.ts'
import { joinChains, type Trace } from '../protocol/trace.ts'
import type { Lease, QueueBackend } from './backend.ts'
import { take } from './take.ts'

export type Processed = QueueProcess & { _stamp: string }

export interface ProcessParts {
  fire: Fire
  trace?: Trace
  /** Name under which people know the queue. */
  as?: string
  /** What of an item is told. */
  shown?(item: unknown): unknown
}

/** Fires all that it takes, in as many events as they need; `empty`: one also where there is nothing. */
export async function processQueue(
  backend: QueueBackend,
  queue: string,
  quantity: number,
  { fire, trace = {}, as = queue, shown = item => item }: ProcessParts,
  { empty = false } = {},
): Promise<Processed> {
  let _stamp = formatStamp(Date.now())
  const tell = async (leases: readonly Lease[]) => {
    _stamp = formatStamp(Date.now())
    const data: QueueProcess = { items: leases.map(({ item }) => shown(item)), backend: backend.name, queue: as }
    const id = leases.length > 0 ? { id: idOf(leases) } : {}
    await fire(...queueProcess.of(data, data), { ...tracedBy(trace, leases[0]), ...id, stamp: _stamp })
  }
  const items = await take(backend, queue, quantity, async leases => {
    for (const group of inEvents(leases)) await tell(group)
  })
  if (items.length === 0 && empty) await tell([])
  return { items: items.map(shown), backend: backend.name, queue: as, _stamp }
}

const idOf = (leases: readonly Lease[]): string =>
  `queue-${createHash('sha256')
    .update(leases.map(({ uid }) => uid).join())
    .digest('base64url')}`

/** Rules that had an item inserted are among the causes of what it does in the end: a rule that refills its own queue is a loop. */
export function tracedBy(trace: Trace, lease: Pick<Lease, 'trace'> | undefined): Trace {
  const own = lease?.trace
  if (!own) return trace
  const chain = joinChains(trace.chain, own.chain)
  return {
    cause: trace.cause ?? own.cause,
    hops: Math.max(trace.hops ?? 0, own.hops ?? 0),
    ...(chain ? { chain } : {}),
  }
}

/**
 * Groups whose items together are no larger than the largest item may be, and have the same rules among their causes: what is cut as
 * a loop takes no other items with it.
 */
function inEvents(leases: readonly Lease[]): Lease[][] {
  const groups: Lease[][] = []
  let room = 0
  for (const lease of leases) {
    const bytes = Buffer.byteLength(JSON.stringify(lease.item))
    if (groups.length === 0 || bytes > room || groups.at(-1)![0]!.trace?.chain !== lease.trace?.chain) {
      groups.push([])
      room = MOST_ITEM_BYTES
    }
    groups.at(-1)!.push(lease)
    room -= bytes
  }
  return groups
}
