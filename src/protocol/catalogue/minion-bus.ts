// Events of the minion's own bus that do not leave its machine.
import { z } from 'zod'
import { event } from './define.ts'
import { map } from './fields.ts'

const master = z.string().describe('host and port of the NATS server')

export const masterConnected = event('__master_connected', {
  doc: 'the minion is connected, for the first time or again',
  by: ['minion'],
  local: true,
  data: { master },
})

export const masterDisconnected = event('__master_disconnected', {
  doc: 'the minion has lost its link; it goes on looking for a server',
  by: ['minion'],
  local: true,
  data: { master: master.describe('that of the server that it has lost') },
})

const change = {
  complete: z.literal(true).describe('as Salt says it'),
  schedule: map.describe('the schedule as it is then; of a large one the entries that were changed'),
}

export const scheduleChanged = event('/salt/minion/minion_schedule_<change>_complete', {
  doc: "a function or a state has changed the minion's schedule: `add`, `modify`, `delete`, `enabled`, `disabled_job`, …",
  by: ['minion'],
  local: true,
  data: change,
})

export const scheduleSaved = event('/salt/minion/minion_schedule_saved', {
  doc: 'schedule.save has kept what was changed with persist=False',
  by: ['minion'],
  local: true,
  data: change,
})
