// Numbers of a minion: its jobs, and what it has on disk for the server.
import type { DurableMap } from '../base/durable-map.ts'
import type { Held } from '../minion/held.ts'
import type { JobEngine } from '../minion/jobs.ts'
import { by, type Source } from './registry.ts'

export interface MinionNumbers {
  engine: Pick<JobEngine, 'stats'>
  held: Pick<DurableMap<Held>, 'values'>
  spooled: Pick<DurableMap<unknown>, 'values'>
}

export function minionSource({ engine, held, spooled }: MinionNumbers): Source {
  return () => {
    const { running, waiting, ended } = engine.stats()
    let unsent = 0
    for (const one of held.values.values()) if (typeof one !== 'number' && one.state === 'returned') unsent += 1
    return {
      reactor_minion_jobs_total: by('result', ended, count => count),
      reactor_minion_jobs_running: running,
      reactor_minion_jobs_waiting: waiting,
      reactor_minion_returns_unsent: unsent,
      reactor_minion_events_unsent: spooled.values.size,
    }
  }
}
