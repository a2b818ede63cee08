// The master: presence of minions and the wheel functions on its own state.
import { errorMessage } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'
import type { Config } from '../config/schema.ts'
import { createPresence } from '../fleet/presence.ts'
import { loadFunctions } from '../functions/load.ts'
import { openJobRecords } from '../jobs/records.ts'
import { createFunctionJobs } from '../jobs/run-function.ts'
import { createOverflow, createReturnStore } from '../payload/overflow.ts'
import { serveFunctions } from '../services/functions.ts'
import { keepWorkMs, openPayloads, startCore } from './core.ts'
import { loadProfiles, shownConfig } from './profiles.ts'

export async function startMaster(config: Config, log: Log): Promise<Running> {
  const registry = await loadFunctions('wheel', config.module_dirs)
  const profiles = await loadProfiles(config)
  return startCore(config, '_master', log, async ({ stack, nc, subjects, publisher, fire, clock }) => {
    const presence = createPresence(config.master.lost_after)
    // Every master hears every heartbeat.
    nc.subscribe(subjects.anyMinion('beat'), {
      callback: (error, message) => {
        if (error) {
          log.error({ error: errorMessage(error) }, 'the server refuses the heartbeats of minions')
          return
        }
        presence.beat(subjects.minionIn(message.subject), clock.now())
        message.respond()
      },
    })
    const payloads = await openPayloads(nc, config)
    const jobs = createFunctionJobs({
      kind: 'wheel',
      registry,
      records: await openJobRecords(nc, subjects, publisher, keepWorkMs(config)),
      fire,
      profiles,
      runTimeoutMs: config.jobs.run_timeout,
      storeReturn: createReturnStore(payloads, '_master'),
      log,
      extend: context => ({
        ...context,
        config: () => shownConfig(config),
        connected: () => presence.connected(clock.now()),
      }),
    })
    stack.defer(() => jobs.stop())
    stack.add(
      await serveFunctions({
        nc,
        subjects,
        registry,
        run: jobs.run,
        operators: config.operators,
        overflow: createOverflow(payloads),
        log,
      }),
    )
  })
}
