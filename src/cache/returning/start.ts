// The returners of the master as the config names them: checked before anything runs, each with a consumer of its own.
import type { NatsConnection } from '@nats-io/transport-node'
import type { Alarms } from '../../alarms/alarms.ts'
import type { Log } from '../../base/log.ts'
import { createStack, type Running } from '../../base/service.ts'
import type { PayloadStore } from '../../payload/store.ts'
import { EVENT_RETURNS } from '../../protocol/streams.ts'
import type { Subjects } from '../../protocol/subject.ts'
import { LOCAL } from '../../returner/load.ts'
import type { Stores } from '../../returner/open.ts'
import type { JobTimeouts } from '../facts.ts'
import { checkNames, startEventReturn } from './event-return.ts'
import { JOB_CACHE, type JobCacheStore, startMasterJobCache } from './master-job-cache.ts'
import { refusedRecords } from './refused.ts'
import { claimSlots } from './slots.ts'
import { createWantedTags, type TagLists } from './wanted-tags.ts'

export interface ReturningConfig extends TagLists {
  master_job_cache: string
  event_return: readonly string[]
  event_return_queue: number
  event_return_queue_max_seconds: number
}

export interface ReturningParts extends JobTimeouts {
  nc: NatsConnection
  subjects: Subjects
  config: ReturningConfig
  /** Folder of the job cache. */
  dir: string
  /** Loads returners when it is first asked for them. */
  stores(): Promise<Stores>
  payloads: Pick<PayloadStore, 'get'>
  alarms: Alarms
  log: Log
}

/** `stop` stores what was taken. Throws `bad_config`. */
export async function startReturning(parts: ReturningParts): Promise<Running> {
  const { nc, subjects, config, dir, alarms, log, stores } = parts
  const { master_job_cache: cache, event_return: names } = config
  checkNames(names, EVENT_RETURNS)
  const isWanted = createWantedTags(config)
  // All of them before anything of them runs.
  const store = cache === LOCAL ? undefined : ((await (await stores()).open(cache, {}, JOB_CACHE)) as JobCacheStore)
  const opened = []
  for (const name of names) opened.push({ name, store: await (await stores()).open(name, {}, ['event_return']) })

  const consumers = await claimSlots(nc, subjects.ns, { masterJobCache: store !== undefined, eventReturn: names }, log)
  const stack = createStack(problem => log.warn(problem))
  const refusedBy = new Map([...names, cache].map(name => [name, refusedRecords(dir, name, log)]))
  try {
    if (store) {
      const { payloads, jobTimeoutMs, runTimeoutMs } = parts
      const refused = refusedBy.get(cache)!
      const own = { nc, subjects, name: cache, store, payloads, refused, alarms, log, jobTimeoutMs, runTimeoutMs }
      stack.add(await startMasterJobCache(own))
    }
    for (const { name, store } of opened)
      stack.add(
        await startEventReturn({
          ...{ nc, subjects, name, isWanted, alarms, log },
          store: store as Parameters<typeof startEventReturn>[0]['store'],
          consumer: consumers.get(name)!,
          queue: config.event_return_queue,
          queueMaxMs: config.event_return_queue_max_seconds * 1000,
          refused: refusedBy.get(name)!,
        }),
      )
  } catch (error) {
    await stack.stop()
    throw error
  }
  return stack
}
