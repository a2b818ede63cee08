// The cache worker: the job cache, what became of reactions, grains of the fleet, large returns, the mine, and the history of it all.
import { join } from 'node:path'
import { openAlarms } from '../alarms/alarms.ts'
import { openWindowReaders } from '../alarms/window-readers.ts'
import type { Log } from '../base/log.ts'
import { openDecisionStore } from '../cache/decisions/store.ts'
import { startDecisionWorker } from '../cache/decisions/worker.ts'
import { openOthers } from '../cache/returning/open-others.ts'
import { startReturning } from '../cache/returning/start.ts'
import { serveHistory } from '../cache/service.ts'
import { openSqliteStore, sqliteFailure } from '../cache/sqlite-store.ts'
import { startTrimming } from '../cache/trim.ts'
import { startCacheWorker } from '../cache/worker.ts'
import type { Config } from '../config/schema.ts'
import { serveGrains } from '../fleet/grains-service.ts'
import { followFleetAndPillars, openMinionBucket } from '../fleet/registry.ts'
import { countCommits, filesSource } from '../metrics/cache.ts'
import type { Monitored } from '../metrics/metrics.ts'
import { openReturnersSource } from '../metrics/returners.ts'
import { openConsumersSource, openStreamsSource } from '../metrics/streams.ts'
import { serveMine } from '../mine/service.ts'
import { openMineStore } from '../mine/store.ts'
import { createOverflow } from '../payload/overflow.ts'
import { serveUploads } from '../payload/serve.ts'
import { warnOfStraySettings } from '../returner/stray-settings.ts'
import { openRights, rolesOf } from './authority.ts'
import { openPayloads, startCore } from './core.ts'
import { storesWhenAsked } from './stores.ts'

export async function startCache(config: Config, log: Log): Promise<Monitored> {
  const roles = rolesOf(config)
  return startCore(config, '_cache', log, async core => {
    const { stack, nc, subjects, fire, clock, metrics } = core
    const { namespace } = config
    const { authority } = await openRights(core, config, roles, log)
    const { replicas } = config.streams
    const { dir, max_bytes: maxBytes, keep_jobs: keepMs, keep_reactions, max_reactions: maxRows } = config.cache
    const store = await openSqliteStore({ dir, maxBytes, log })
    stack.defer(() => store.close())
    const decisions = await openDecisionStore({ dir, maxRows, log })
    stack.defer(() => decisions.close())
    const counted = countCommits(store, decisions)
    metrics.add(counted.source)
    const payloads = await openPayloads(nc, config)
    const alarms = await openAlarms(nc, namespace, replicas, fire, log)
    void warnOfStraySettings(config, log)
    const stores = storesWhenAsked(config, '_cache', log)
    stack.defer(stores.close)
    const timeouts = { jobTimeoutMs: config.jobs.job_timeout, runTimeoutMs: config.jobs.run_timeout }
    // Before events are trimmed: what its consumers have not read stays.
    stack.add(
      await startReturning({
        ...{ nc, subjects, config, dir, payloads, alarms, log, ...timeouts },
        stores: stores.open,
      }),
    )
    const trimming = stack.add(
      await startTrimming({
        nc,
        ns: namespace,
        alarms,
        others: await openWindowReaders({ nc, ns: namespace, replicas, now: clock.now, log }),
        clock,
        log,
      }),
    )
    stack.add(serveGrains(nc, subjects, await openMinionBucket(nc, config.namespace, replicas), log))
    stack.add(serveUploads(nc, subjects, payloads, log))
    stack.add(
      await startCacheWorker({
        nc,
        subjects,
        store: counted.jobs,
        onRead: trimming.saw,
        readFailure: sqliteFailure,
        keepMs,
        ...timeouts,
        clock,
        log,
      }),
    )
    const follow = {
      nc,
      subjects,
      store: counted.decisions,
      readFailure: sqliteFailure,
      keepMs: keep_reactions,
      clock,
      log,
    }
    stack.add(await startDecisionWorker(follow))
    const overflow = createOverflow(payloads)
    const others = await openOthers(config.master_job_cache, stores.open, timeouts)
    stack.add(await serveHistory({ nc, subjects, store, decisions, payloads, overflow, authority, others, clock, log }))
    const mine = openMineStore(join(dir, 'mine.db'))
    stack.defer(() => mine.close())
    const fleet = stack.add(await followFleetAndPillars(nc, config.namespace, replicas, log))
    const { nodegroups } = config
    stack.add(await serveMine({ nc, subjects, store: mine, fleet, nodegroups, log }))
    metrics.add(() => ({ reactor_events_trimmed_total: trimming.stats().trimmed }))
    metrics.add(filesSource(dir, { jobs: 'jobs.db', decisions: 'decisions.db', mine: 'mine.db' }))
    metrics.add(await openStreamsSource(nc, namespace))
    metrics.add(await openConsumersSource(nc, namespace, 'events', ['cache']))
    metrics.add(await openConsumersSource(nc, namespace, 'done', ['decisions']))
    metrics.add(await openReturnersSource(nc, namespace))
  })
}
