// The minion: takes jobs, runs execution functions, sends their returns; grains up and a heartbeat.
import { join } from 'node:path'
import { systemClock } from '../base/clock.ts'
import { errorMessage } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { createStack, type Running } from '../base/service.ts'
import { connectBus } from '../bus/connect.ts'
import { createFire } from '../bus/fire.ts'
import { createPublisher } from '../bus/publish.ts'
import { requireIsolation } from '../config/isolation.ts'
import type { Config } from '../config/schema.ts'
import { loadFunctions } from '../functions/load.ts'
import { collectGrains } from '../grains/collect.ts'
import { announce } from '../minion/announce.ts'
import { openJidLedger } from '../minion/jid-ledger.ts'
import { startMinionJobs } from '../minion/jobs.ts'
import { openSpool } from '../minion/spool.ts'
import { minionInbox } from '../protocol/access.ts'
import { minionOrigin } from '../protocol/origin.ts'
import { loadProfiles } from './profiles.ts'

export async function startMinion(config: Config, log: Log): Promise<Running> {
  requireIsolation(config)
  const { id, dir } = config.minion
  const registry = await loadFunctions('execution', config.module_dirs)
  const profiles = await loadProfiles(config)
  const grains = await collectGrains({ id, config: config.minion.grains })
  const stack = createStack()
  try {
    const ledger = await openJidLedger(join(dir, 'jids'))
    stack.defer(() => ledger.close())
    const bus = await connectBus({
      servers: config.servers,
      namespace: config.namespace,
      name: `${config.namespace} minion ${id}`,
      seedFile: config.seed,
      inboxPrefix: minionInbox(id),
      patient: true,
      log,
    })
    stack.defer(() => bus.close())
    const { nc, subjects } = bus
    const publisher = createPublisher(nc)
    stack.defer(() => publisher.stop())
    const spool = await openSpool({
      dir: join(dir, 'spool'),
      fire: createFire(publisher, subjects, minionOrigin(id)),
      connected: () => linked,
      now: systemClock.now,
      log,
    })
    stack.defer(() => spool.settle(2000))
    let linked = true
    const jobs = startMinionJobs({
      nc,
      subjects,
      id,
      isolation: config.isolation,
      registry,
      ledger,
      spool,
      grains,
      profiles,
      moduleConfig: config.minion.module_config,
      concurrency: config.minion.concurrency,
      now: systemClock.now,
      log,
    })
    stack.add(jobs)
    if (config.isolation === 'none')
      log.warn('isolation is none: this minion takes jobs from anybody who reaches the server')
    stack.add(
      await announce({ nc, subjects, id, grains, spool, beatMs: config.minion.beat, log, onLink: up => (linked = up) }),
    )
    return stack
  } catch (error) {
    log.debug({ error: errorMessage(error) }, 'the minion did not start')
    await stack.stop()
    throw error
  }
}
