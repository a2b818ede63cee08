// Numbers of a schedule worker. The names of entries are those of config and calls.
import type { ScheduleStats } from '../schedule/stats.ts'
import type { ScheduleWorker } from '../schedule/worker.ts'
import type { Source } from './registry.ts'

export function scheduleSource(stats: Pick<ScheduleStats, 'read'>, worker: Pick<ScheduleWorker, 'leader'>): Source {
  return () => {
    const { slots, late } = stats.read()
    const leader = worker.leader()
    const entries = leader?.book.entries()
    const next = leader?.scheduler.soonest()
    return {
      reactor_schedule_slots_total: [...slots].flatMap(([entry, counts]) =>
        [...counts].map(([result, value]) => ({ labels: { entry, result }, value })),
      ),
      reactor_schedule_lateness_seconds: late,
      reactor_schedule_leads: leader ? 1 : 0,
      reactor_schedule_entries: entries
        ? [
            { labels: { state: 'in_force' }, value: entries.size },
            { labels: { state: 'refused' }, value: leader!.book.refused().length },
          ]
        : [],
      reactor_schedule_next_timestamp_seconds: next === undefined ? [] : next / 1000,
    }
  }
}
