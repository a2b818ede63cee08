// Numbers of a schedule worker. The names of entries are the config's.
import type { startSchedule } from '../schedule/worker.ts'
import type { Source } from './registry.ts'

export function scheduleSource({ stats }: Pick<ReturnType<typeof startSchedule>, 'stats'>): Source {
  return () => ({
    reactor_schedule_slots_total: [...stats()].flatMap(([entry, counts]) =>
      Object.entries(counts).map(([result, value]) => ({ labels: { entry, result }, value: value as number })),
    ),
  })
}
