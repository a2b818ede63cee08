// The cache worker: the job cache, grains of the fleet, large returns, the mine, and the history of it all.
import { join } from 'node:path'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'
import { serveHistory } from '../cache/service.ts'
import { openSqliteStore, sqliteFailure } from '../cache/sqlite-store.ts'
import { startCacheWorker } from '../cache/worker.ts'
import type { Config } from '../config/schema.ts'
import { serveGrains } from '../fleet/grains-service.ts'
import { followFleet, openMinionBucket } from '../fleet/registry.ts'
import { serveMine } from '../mine/service.ts'
import { openMineStore } from '../mine/store.ts'
import { createOverflow } from '../payload/overflow.ts'
import { serveUploads } from '../payload/serve.ts'
import { openRights, rolesOf } from './authority.ts'
import { openPayloads, startCore } from './core.ts'

export async function startCache(config: Config, log: Log): Promise<Running> {
  const roles = rolesOf(config)
  return startCore(config, '_cache', log, async core => {
    const { stack, nc, subjects, clock } = core
    const { authority } = await openRights(core, config, roles, log)
    const { replicas } = config.streams
    const { dir, max_bytes: maxBytes, keep_jobs: keepMs } = config.cache
    const store = await openSqliteStore({ dir, maxBytes, log })
    stack.defer(() => store.close())
    const payloads = await openPayloads(nc, config)
    stack.add(serveGrains(nc, subjects, await openMinionBucket(nc, config.namespace, replicas), log))
    stack.add(serveUploads(nc, subjects, payloads, log))
    stack.add(
      await startCacheWorker({
        nc,
        subjects,
        store,
        readFailure: sqliteFailure,
        keepMs,
        jobTimeoutMs: config.jobs.job_timeout,
        runTimeoutMs: config.jobs.run_timeout,
        clock,
        log,
      }),
    )
    const overflow = createOverflow(payloads)
    stack.add(await serveHistory({ nc, subjects, store, payloads, overflow, authority, clock, log }))
    const mine = openMineStore(join(dir, 'mine.db'))
    stack.defer(() => mine.close())
    const fleet = stack.add(await followFleet(nc, config.namespace, replicas, log))
    const { nodegroups } = config
    stack.add(await serveMine({ nc, subjects, store: mine, fleet, nodegroups, log }))
  })
}
