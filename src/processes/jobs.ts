// The job worker: starts jobs on minions, runs runner functions and executes reactions.
import { randomBytes } from 'node:crypto'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'
import { VERSION } from '../base/version.ts'
import type { Config } from '../config/schema.ts'
import { followFleet } from '../fleet/registry.ts'
import { loadFunctions } from '../functions/load.ts'
import { openLedger } from '../jobs/ledger.ts'
import { createPublishJob } from '../jobs/publish.ts'
import { startReactions } from '../jobs/reactions.ts'
import { openJobRecords } from '../jobs/records.ts'
import { createFunctionJobs } from '../jobs/run-function.ts'
import { createWheelClient } from '../jobs/wheel-client.ts'
import { serveFunctions } from '../services/functions.ts'
import { servePublish } from '../services/publish.ts'
import { startCore } from './core.ts'
import { loadProfiles } from './profiles.ts'

const DAY_MS = 86_400_000

export async function startJobs(config: Config, log: Log): Promise<Running> {
  const registry = await loadFunctions('runner', config.module_dirs)
  const profiles = await loadProfiles(config)
  return startCore(config, '_jobs', log, async ({ stack, nc, subjects, publisher, fire, clock }) => {
    const ns = config.namespace
    // As long as what a record or an entry answers for can come again.
    const keepMs = config.streams.events_max_age + DAY_MS
    const fleet = stack.add(await followFleet(nc, ns, config.streams.replicas, log))
    const records = await openJobRecords(nc, subjects, publisher, keepMs)
    const publishJob = createPublishJob({
      nc,
      subjects,
      fire,
      records,
      fleet,
      jobTimeoutMs: config.jobs.job_timeout,
      clock,
      log,
    })
    const runners = createFunctionJobs({
      kind: 'runner',
      registry,
      records,
      fire,
      profiles,
      log,
      extend: (context, call) => ({
        ...context,
        publish: request => publishJob(request, { user: call.user, cause: call.jid, hops: call.hops ?? 0 }),
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
        operators: config.operators,
        version: VERSION,
        log,
      }),
    )
    stack.add(await servePublish({ nc, subjects, publishJob, operators: config.operators, version: VERSION, log }))
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
