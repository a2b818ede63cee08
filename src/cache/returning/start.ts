// The returners of the master as the config names them: checked before anything runs, each with a consumer of its own.

import { jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import type { Alarms } from '../../alarms/alarms.ts'
import type { Log } from '../../base/log.ts'
import type { Running } from '../../base/service.ts'
import type { PayloadStore } from '../../payload/store.ts'
import { EVENT_RETURNS } from '../../protocol/streams.ts'
import type { Subjects } from '../../protocol/subject.ts'
import { LOCAL } from '../../returner/load.ts'
import type { Stores } from '../../returner/open.ts'
import type { JobTimeouts } from '../facts.ts'
import { checkNames, startEventReturn } from './event-return.ts'
import { type Kept, keepReturning } from './keep.ts'
import { JOB_CACHE, type JobCacheStore, startMasterJobCache } from './master-job-cache.ts'
import { tellMissed } from './missed.ts'
import type { Pace } from './pace.ts'
import { refusedRecords } from './refused.ts'
import { type Look, openSlots } from './slots.ts'
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
  /** Milliseconds between looks at the consumers of returners. */
  lookEveryMs?: number
  /** First and longest pause between tries of a store, milliseconds. */
  tries?: Pick<Pace, 'firstMs' | 'mostMs'>
  alarms: Alarms
  log: Log
}

const LOOK_EVERY_MS = 10_000
const TRIES = { firstMs: 1000, mostMs: 15_000 }

/** `stop` stores what was taken. Throws `bad_config`. */
export async function startReturning(parts: ReturningParts): Promise<Running> {
  const { nc, subjects, config, dir, alarms, log, stores, lookEveryMs = LOOK_EVERY_MS, tries = TRIES } = parts
  const { master_job_cache: cache, event_return: names } = config
  const { ns } = subjects
  checkNames(names, EVENT_RETURNS)
  const isWanted = createWantedTags(config)
  // Far less than the time after which an unread consumer goes.
  const pace = { ...tries, ownForMs: lookEveryMs }
  const shared = (name: string) => ({
    ...{ nc, subjects, name, pace, alarms, log },
    refused: refusedRecords(dir, name),
  })
  // All of them before anything of them runs.
  const kept: Kept[] = []
  if (cache !== LOCAL) {
    const store = (await (await stores()).open(cache, {}, JOB_CACHE)) as JobCacheStore
    const { payloads, jobTimeoutMs, runTimeoutMs } = parts
    const own = { ...shared(cache), store, payloads, jobTimeoutMs, runTimeoutMs }
    kept.push({
      use: { what: 'master_job_cache', returner: cache },
      follow: (consumer, onLost) => startMasterJobCache({ ...own, consumer, onLost }),
    })
  }
  for (const name of names) {
    const store = await (await stores()).open(name, {}, ['event_return'])
    const own = {
      ...shared(name),
      isWanted,
      store: store as Parameters<typeof startEventReturn>[0]['store'],
      queue: config.event_return_queue,
      queueMaxMs: config.event_return_queue_max_seconds * 1000,
    }
    kept.push({
      use: { what: 'event_return', returner: name },
      follow: (consumer, onLost) => startEventReturn({ ...own, consumer, onLost }),
    })
  }

  const uses = kept.map(({ use }) => use)
  const slots = await openSlots(nc, ns, uses, log)
  const jsm = await jetstreamManager(nc, { checkAPI: false })
  const onLook = ({ infos }: Look) => tellMissed({ jsm, ns, alarms, log }, infos)
  return keepReturning({ slots, kept, onLook, lookEveryMs, alarms, log })
}
