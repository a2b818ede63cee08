// The schedule worker: hands each due slot of the config's schedule to the job workers, once in the whole cluster.
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'
import type { Config } from '../config/schema.ts'
import { readEntry } from '../schedule/entry.ts'
import { startSchedule } from '../schedule/worker.ts'
import { startCore } from './core.ts'

export async function startScheduleWorker(config: Config, log: Log): Promise<Running> {
  const entries = Object.entries(config.schedule)
    .filter(([, entry]) => entry.enabled)
    .map(([name, entry]) => readEntry(name, entry))
  return startCore(config, '_schedule', log, async ({ stack, subjects, publisher, clock }) => {
    stack.add(startSchedule({ entries, subjects, publisher, clock, log }))
    log.info({ entries: entries.length }, 'schedule loaded')
  })
}
