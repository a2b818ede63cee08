import { expect, it } from 'vitest'
import { loadConfig } from '../../src/config/load.ts'
import { createCallOf } from '../../src/minion/schedule-job.ts'
import { createBook } from '../../src/schedule/book.ts'
import { callOf } from '../../src/schedule/calls.ts'

it('the example of deploy/examples has no entry that is refused, for the master or for a minion', async () => {
  const config = await loadConfig('deploy/examples/schedule.yaml')
  const master = createBook(callOf)
  master.give('config', config.schedule)
  const minion = createBook(createCallOf([]))
  minion.give('config', config.minion.schedule)
  expect([...master.refused(), ...minion.refused()]).toEqual([])
  expect([...master.entries().keys()]).toEqual(['heartbeat', 'nightly-report', 'disk-usage', 'christmas'])
  expect([...minion.entries().keys()]).toEqual(['uptime'])
})
