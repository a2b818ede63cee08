// Numbers of the queues that are drained: those of the config, and none that somebody happened to name.

import type { Backends } from '../queue/backends.ts'
import type { Drain, DrainOf } from '../queue/drain.ts'
import type { Source } from './registry.ts'

export function queuesSource(
  queues: Readonly<Record<string, DrainOf>>,
  open: Backends['open'],
  drain: Pick<Drain, 'drained'>,
): Source {
  return async () => {
    const asked = await Promise.allSettled(
      Object.entries(queues).map(async ([queue, { backend }]) => ({
        queue,
        ...(await (await open(backend)).counts(queue)),
      })),
    )
    // A store that is away has no numbers; its drain tells so.
    const all = asked.flatMap(one => (one.status === 'fulfilled' ? [one.value] : []))
    return {
      reactor_queue_items: all.flatMap(({ queue, waiting, leased, dead }) =>
        Object.entries({ waiting, leased, dead }).map(([state, value]) => ({ labels: { queue, state }, value })),
      ),
      reactor_queue_oldest_seconds: all.map(({ queue, oldestMs = 0 }) => ({
        labels: { queue },
        value: oldestMs / 1000,
      })),
      reactor_queue_drained_items_total: [...drain.drained()].map(([queue, value]) => ({ labels: { queue }, value })),
    }
  }
}
