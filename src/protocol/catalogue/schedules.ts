// Events of the master's schedule.
import { event } from './define.ts'
import { skipped } from './minion.ts'

export const scheduleSkip = event('salt/schedule/<name>/skip', {
  doc: "times of an entry of the master's schedule were skipped",
  by: ['_schedule'],
  data: skipped,
})
