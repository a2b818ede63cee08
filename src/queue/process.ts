// Handing items of a queue to rules: fired as `salt/queue/<queue>/process`, and removed from the queue once that event is stored.
//
// A process that dies in between has them fired again when their lease is over. The event has an id that follows from its items,
// so that the stream takes it once where the same items come together again within its window (ten minutes), as one by one they
// always do; else rules see an item twice. Never does an item get lost.
import { createHash } from 'node:crypto'
import type { Fire, FireOptions } from '../bus/fire.ts'
import { formatStamp } from '../protocol/event.ts'
import { MOST_ITEM_BYTES, processTag, type QueueProcess } from '../protocol/queue.ts'
import type { Lease, QueueBackend } from './backend.ts'
import { take } from './take.ts'

export type Processed = QueueProcess & { _stamp: string }

export interface ProcessParts {
  fire: Fire
  trace?: Pick<FireOptions, 'cause' | 'hops' | 'chain'>
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
  { fire, trace, as = queue, shown = item => item }: ProcessParts,
  { empty = false } = {},
): Promise<Processed> {
  let _stamp = formatStamp(Date.now())
  const tell = async (leases: readonly Lease[]) => {
    _stamp = formatStamp(Date.now())
    const data: QueueProcess = { items: leases.map(({ item }) => shown(item)), backend: backend.name, queue: as }
    const id = leases.length > 0 ? { id: idOf(leases) } : {}
    await fire(processTag(as), { ...data }, { ...trace, ...id, stamp: _stamp })
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

/** Groups whose items together are no larger than the largest item may be. */
function inEvents(leases: readonly Lease[]): Lease[][] {
  const groups: Lease[][] = []
  let room = 0
  for (const lease of leases) {
    const bytes = Buffer.byteLength(JSON.stringify(lease.item))
    if (groups.length === 0 || bytes > room) {
      groups.push([])
      room = MOST_ITEM_BYTES
    }
    groups.at(-1)!.push(lease)
    room -= bytes
  }
  return groups
}
