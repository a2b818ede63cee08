// The job worker: starts jobs on minions, runs runner functions and executes reactions.
import { randomBytes } from 'node:crypto'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'
import { createJobCache } from '../cache/client.ts'
import type { Config } from '../config/schema.ts'
import { followFleet } from '../fleet/registry.ts'
import { loadFunctions } from '../functions/load.ts'
import { createGather } from '../jobs/gather.ts'
import { openLedger } from '../jobs/ledger.ts'
import { openMissed } from '../jobs/missed.ts'
import { createAskPeers } from '../jobs/peer.ts'
import { createPublishJob } from '../jobs/publish.ts'
import { startReactions } from '../jobs/reactions.ts'
import { openJobRecords } from '../jobs/records.ts'
import { createFunctionJobs } from '../jobs/run-function.ts'
import { createRunnerContext } from '../jobs/runner-context.ts'
import { createJobSender } from '../jobs/send.ts'
import { createWheelClient } from '../jobs/wheel-client.ts'
import { createOverflow, createReturnStore } from '../payload/overflow.ts'
import { serveFunctions } from '../services/functions.ts'
import { serveMinions } from '../services/minions.ts'
import { servePublish } from '../services/publish.ts'
import { openRights, rolesOf, targetContext } from './authority.ts'
import { keepWorkMs, openPayloads, startCore } from './core.ts'
import { loadProfiles, shownConfig } from './profiles.ts'

export async function startJobs(config: Config, log: Log): Promise<Running> {
  const registry = await loadFunctions('runner', config.module_dirs)
  const profiles = await loadProfiles(config)
  const roles = rolesOf(config)
  return startCore(config, '_jobs', log, async core => {
    const { stack, nc, subjects, publisher, fire, clock } = core
    const ns = config.namespace
    const { audit, authority } = await openRights(core, config, roles, log)
    const targets = targetContext(config)
    const keepMs = keepWorkMs(config)
    const fleet = stack.add(await followFleet(nc, ns, config.streams.replicas, log))
    const records = await openJobRecords(nc, subjects, publisher, keepMs)
    const payloads = await openPayloads(nc, config)
    const missed = await openMissed({ nc, subjects, publisher, records, now: clock.now })
    const { publish: publishJob, resolve: resolveJob } = createPublishJob({
      fire,
      records,
      sender: stack.add(createJobSender(nc, subjects, log)),
      missed,
      fleet,
      targets,
      jobTimeoutMs: config.jobs.job_timeout,
      runTimeoutMs: config.jobs.run_timeout,
      audit,
      clock,
      log,
    })
    const gather = createGather({ nc, subjects }, publishJob)
    const runners = createFunctionJobs({
      kind: 'runner',
      registry,
      records,
      fire,
      profiles,
      runTimeoutMs: config.jobs.run_timeout,
      storeReturn: createReturnStore(payloads, '_jobs'),
      audit,
      log,
      extend: createRunnerContext({
        ...{ nc, subjects, publishJob, gather, records, missed, fleet, targets },
        cache: createJobCache(nc, subjects),
        config: () => shownConfig(config),
      }),
    })
    const ledger = stack.add(
      await openLedger(nc, subjects, publisher, `w${randomBytes(6).toString('hex')}`, log, { keepMs, clock }),
    )
    stack.add(
      await serveFunctions({
        nc,
        subjects,
        registry,
        run: runners.run,
        authority,
        overflow: createOverflow(payloads),
        log,
      }),
    )
    const askPeers = createAskPeers(config.jobs.peer, gather, audit)
    stack.add(await serveMinions({ nc, subjects, missed, askPeers, log }))
    stack.add(
      await servePublish({
        nc,
        subjects,
        publishJob,
        resolveJob,
        authority,
        overflow: createOverflow(payloads),
        log,
      }),
    )
    // Stopped first: it takes no more reactions, cuts short what runs, and leaves what waits to another worker.
    stack.add(
      await startReactions({
        nc,
        subjects,
        publisher,
        ledger,
        publishJob,
        runFunction: runners.run,
        callWheel: createWheelClient(nc, subjects),
        stopFunctions: runners.stop,
        concurrency: config.jobs.concurrency,
        clock,
        log,
      }),
    )
  })
}
