import { expect, it } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import { loadConfig } from '../../src/config/load.ts'
import { createCallOf as createMinionCallOf } from '../../src/minion/schedule-job.ts'
import { createBook } from '../../src/schedule/book.ts'
import { openCallable } from '../../src/schedule/callable.ts'
import { createCallOf } from '../../src/schedule/calls.ts'

it('the example of deploy/examples has no entry that is refused, for the master or for a minion', async () => {
  const config = await loadConfig('deploy/examples/schedule.yaml')
  const master = createBook(createCallOf(await openCallable([], silentLog)))
  master.give('config', config.schedule)
  const minion = createBook(createMinionCallOf([]))
  minion.give('config', config.minion.schedule)
  expect([...master.refused(), ...minion.refused()]).toEqual([])
  expect([...master.entries().keys()]).toEqual(['heartbeat', 'nightly-report', 'disk-usage', 'christmas'])
  expect([...minion.entries().keys()]).toEqual(['uptime'])
})
