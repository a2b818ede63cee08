// The schedule worker: hands each due slot of the config's schedule to the job workers, once in the whole cluster.
import type { Log } from '../base/log.ts'
import type { Config } from '../config/schema.ts'
import type { Monitored } from '../metrics/metrics.ts'
import { scheduleSource } from '../metrics/schedule.ts'
import { readEntry } from '../schedule/old-entry.ts'
import { startSchedule } from '../schedule/worker.ts'
import { startCore } from './core.ts'

export async function startScheduleWorker(config: Config, log: Log): Promise<Monitored> {
  const entries = Object.entries(config.schedule)
    .filter(([, entry]) => entry.enabled)
    .map(([name, entry]) => readEntry(name, entry))
  return startCore(config, '_schedule', log, async ({ stack, subjects, publisher, clock, metrics }) => {
    metrics.add(scheduleSource(stack.add(startSchedule({ entries, subjects, publisher, clock, log }))))
    log.info({ entries: entries.length }, 'schedule loaded')
  })
}
