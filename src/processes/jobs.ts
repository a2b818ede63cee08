// The job worker: starts jobs on minions, runs runner functions and executes reactions.
import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { openAlarms } from '../alarms/alarms.ts'
import type { Log } from '../base/log.ts'
import { openLeases } from '../bus/lease.ts'
import { createJobCache, createReactionHistory } from '../cache/client.ts'
import { openClouds } from '../cloud/open.ts'
import type { Config } from '../config/schema.ts'
import { createMasterSource } from '../files/source.ts'
import { followFleetAndPillars } from '../fleet/registry.ts'
import { loadFunctions } from '../functions/load.ts'
import { openAnnounce } from '../jobs/announce.ts'
import { openReactionControl } from '../jobs/control/reactions.ts'
import { createGather } from '../jobs/gather.ts'
import { openLedger } from '../jobs/ledger.ts'
import { openMissed } from '../jobs/missed.ts'
import { createOrchestrations } from '../jobs/orchestrate.ts'
import { createAskPeers } from '../jobs/peer.ts'
import { createPublishJob } from '../jobs/publish.ts'
import { openMarks } from '../jobs/reactions/marks.ts'
import { startReactions } from '../jobs/reactions/start.ts'
import { openJobRecords } from '../jobs/records.ts'
import { createFunctionJobs, type RunFunction } from '../jobs/run-function.ts'
import { createRunnerContext } from '../jobs/runner-context.ts'
import { runnerEvents } from '../jobs/runner-events.ts'
import { createScheduleClient } from '../jobs/schedule-client.ts'
import { createJobSender } from '../jobs/send.ts'
import { createWheelClient } from '../jobs/wheel-client.ts'
import { countFunctions, countPublished } from '../metrics/functions.ts'
import { reactionsSource } from '../metrics/jobs.ts'
import type { Monitored } from '../metrics/metrics.ts'
import { queuesSource } from '../metrics/queues.ts'
import { openConsumersSource } from '../metrics/streams.ts'
import { createOverflow, createReturnStore } from '../payload/overflow.ts'
import { createPillarClient } from '../pillar/jobs-client.ts'
import { formatStamp } from '../protocol/event.ts'
import { escapeToken } from '../protocol/token.ts'
import { createBackends } from '../queue/backends.ts'
import { startDrain } from '../queue/drain.ts'
import { rulesControlWhenAsked } from '../reactor/bundle/open.ts'
import { minionFunctions } from '../schedule/callable.ts'
import { serveFunctions } from '../services/functions.ts'
import { serveMinions } from '../services/minions.ts'
import { servePublish } from '../services/publish.ts'
import { openRights, rolesOf, targetContext } from './authority.ts'
import { keepWorkMs, openPayloads, startCore } from './core.ts'
import { loadProfiles, shownConfig } from './profiles.ts'

export async function startJobs(config: Config, log: Log): Promise<Monitored> {
  const registry = await loadFunctions('runner', config.module_dirs)
  const wheels = await loadFunctions('wheel', config.module_dirs)
  const steps = await loadFunctions('orchestration', config.module_dirs)
  const profiles = await loadProfiles(config)
  const roles = rolesOf(config)
  return startCore(config, '_jobs', log, async core => {
    const { stack, nc, subjects, publisher, fire, clock, metrics } = core
    const ns = config.namespace
    const { audit, authority } = await openRights(core, config, roles, log)
    const targets = targetContext(config)
    const keepMs = keepWorkMs(config)
    const fleet = stack.add(await followFleetAndPillars(nc, ns, config.streams.replicas, log))
    const records = await openJobRecords(nc, subjects, publisher, keepMs)
    const marks = stack.add(await openMarks(nc, subjects, log))
    const payloads = await openPayloads(nc, config)
    const missed = await openMissed({ nc, subjects, publisher, records, now: clock.now })
    const { publish, resolve: resolveJob } = createPublishJob({
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
    const published = countPublished(publish)
    metrics.add(published.source)
    const publishJob = published.publish
    const alarms = await openAlarms(nc, ns, config.streams.replicas, fire, log)
    const ledger = stack.add(
      await openLedger(nc, subjects, publisher, `w${randomBytes(6).toString('hex')}`, log, {
        ...{ keepMs, clock },
        maxKeys: config.jobs.ledger_keys,
        onForgot: until =>
          alarms.raise('ledger', 'keys', {
            message: `more work is done than jobs.ledger_keys (${config.jobs.ledger_keys}): what was done before ${formatStamp(until)} is forgotten, and would be done again if it came again`,
            until: formatStamp(until),
            keys: config.jobs.ledger_keys,
          }),
      }),
    )
    const gather = createGather({ nc, subjects }, publishJob)
    const { backend: usual, dir, lease: leaseMs, tries, drain } = config.queue
    const queues = stack.add(
      createBackends({
        ...{ nc, subjects, publisher, dir, usual },
        returnerSettings: config.returner_settings,
        settings: { leaseMs, tries },
        log,
      }),
    )
    const leases = await openLeases(nc, ns, config.streams.replicas, `${hostname()}:${process.pid}`, log)
    const clouds = stack.add(
      await openClouds(
        {
          ...{ config, fire, leases, log },
          // Whoever may make a machine need not see who comes to the door.
          hear: runnerEvents({ nc, subjects }, {}),
          isKnown: id => fleet.values.has(escapeToken(id)),
        },
        config.module_dirs,
      ),
    )
    const history = createReactionHistory(nc, subjects)
    // What a function calls is a job like any other.
    const runFunction: RunFunction = call => counted.run(call)
    const runners = createFunctionJobs({
      kind: 'runner',
      registry,
      records,
      announce: await openAnnounce(nc, subjects, publisher, '_jobs'),
      fire,
      profiles,
      runTimeoutMs: config.jobs.run_timeout,
      storeReturn: createReturnStore(payloads, '_jobs'),
      audit,
      log,
      extend: createRunnerContext({
        ...{ nc, subjects, publishJob, resolveJob, gather, records, missed, fleet, targets },
        cache: createJobCache(nc, subjects, reason => log.warn({ reason }, 'an answer about jobs is incomplete')),
        rules: {
          control: rulesControlWhenAsked(
            nc,
            subjects,
            { replicas: config.streams.replicas, moduleDirs: config.module_dirs },
            log,
          ),
          counts: history.rules,
        },
        reactions: await openReactionControl({ nc, subjects, publisher, ledger, history, clock }),
        schedule: createScheduleClient(nc, subjects),
        minionFunctions: () => minionFunctions(config.module_dirs),
        queues: {
          ...{ open: queues.open, runnerQueue: config.runner_queue, fire },
          run: call => counted.run(call),
          marks,
        },
        clouds,
        pillars: createPillarClient(nc, subjects),
        inner: { runFunction, registries: { runner: registry, wheel: wheels }, audit },
        orchestrations: createOrchestrations({
          files: createMasterSource({ nc, subject: subjects.files }),
          ...{ registry: steps, runners: registry.names(), log },
        }),
        config: () => shownConfig(config),
      }),
    })
    const counted = countFunctions('runner', runners.run)
    metrics.add(counted.source)
    stack.add(
      await serveFunctions({
        nc,
        subjects,
        registry,
        run: counted.run,
        authority,
        overflow: createOverflow(payloads),
        log,
      }),
    )
    const askPeers = createAskPeers(config.jobs.peer, gather, audit, records)
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
    metrics.add(await openConsumersSource(nc, ns, 'reactions', ['fast', 'slow']))
    if (Object.keys(drain).length > 0) {
      const drained = stack.add(startDrain({ queues: drain, open: queues.open, leases, fire, clock, log }))
      metrics.add(queuesSource(drain, queues.open, drained))
    }
    // Stopped first: it takes no more reactions, cuts short what runs, and leaves what waits to another worker.
    const reactions = stack.add(
      await startReactions({
        nc,
        subjects,
        publisher,
        fire,
        ledger,
        alarms,
        publishJob,
        resolveJob,
        knownMinions: () => fleet.values.size,
        runFunction: counted.run,
        callWheel: createWheelClient(nc, subjects),
        marks,
        stopFunctions: runners.stop,
        concurrency: config.jobs.concurrency,
        clock,
        log,
      }),
    )
    metrics.add(reactionsSource(reactions))
  })
}
