// The job worker: starts jobs on minions, runs runner functions and executes reactions.
import { randomBytes } from 'node:crypto'
import { headers as createHeaders } from '@nats-io/transport-node'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'
import { requestJson } from '../bus/request.ts'
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
import { createJobSender } from '../jobs/send.ts'
import { createWheelClient } from '../jobs/wheel-client.ts'
import { fetchWholeJob } from '../payload/fetch.ts'
import { createOverflow, createReturnStore } from '../payload/overflow.ts'
import { HEADER } from '../protocol/event.ts'
import { serveFunctions } from '../services/functions.ts'
import { serveMinions } from '../services/minions.ts'
import { servePublish } from '../services/publish.ts'
import { keepWorkMs, openPayloads, startCore } from './core.ts'
import { loadProfiles, shownConfig } from './profiles.ts'

const CONNECTED_TIMEOUT_MS = 5000
/** Bytes that runner functions get of all the returns of a stored job. */
const MOST_OF_JOB = 64 * 1024 * 1024

export async function startJobs(config: Config, log: Log): Promise<Running> {
  const registry = await loadFunctions('runner', config.module_dirs)
  const profiles = await loadProfiles(config)
  return startCore(config, '_jobs', log, async ({ stack, nc, subjects, publisher, fire, clock }) => {
    const ns = config.namespace
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
      targets: { nodegroups: config.nodegroups, pillar: false },
      jobTimeoutMs: config.jobs.job_timeout,
      runTimeoutMs: config.jobs.run_timeout,
      clock,
      log,
    })
    const gather = createGather({ nc, subjects }, publishJob)
    const cache = createJobCache(nc, subjects)
    const runners = createFunctionJobs({
      kind: 'runner',
      registry,
      records,
      fire,
      profiles,
      runTimeoutMs: config.jobs.run_timeout,
      storeReturn: createReturnStore(payloads, '_jobs'),
      log,
      extend: (context, call) => {
        const asked = { user: call.user, cause: call.jid, hops: call.hops ?? 0 }
        return {
          ...context,
          publish: request => publishJob(request, asked),
          gather: (request, timeoutMs) => gather(request, asked, { timeoutMs, signal: context.signal }),
          cache: { ...cache, whole: job => fetchWholeJob({ nc, subjects }, job, MOST_OF_JOB) },
          record: records.find,
          forgetMissed: missed.forget,
          fleet: () => [...fleet.values.values()],
          connected: () => {
            const headers = createHeaders()
            headers.set(HEADER.user, asked.user)
            headers.set(HEADER.cause, asked.cause)
            headers.set(HEADER.hops, String(asked.hops + 1))
            const what = 'wheel minions.connected'
            return requestJson(nc, subjects.wheel('minions.connected'), [], {
              timeoutMs: CONNECTED_TIMEOUT_MS,
              headers,
              what,
            })
          },
          config: () => shownConfig(config),
        }
      },
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
        overflow: createOverflow(payloads),
        log,
      }),
    )
    const askPeers = createAskPeers(config.jobs.peer, gather)
    stack.add(await serveMinions({ nc, subjects, missed, askPeers, log }))
    stack.add(
      await servePublish({
        nc,
        subjects,
        publishJob,
        resolveJob,
        operators: config.operators,
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
