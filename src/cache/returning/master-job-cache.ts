// `master_job_cache`: every job's load and every return, and when a job has ended, to the store of a returner.
import type { NatsConnection } from '@nats-io/transport-node'
import type { Alarms } from '../../alarms/alarms.ts'
import { errorMessage } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import type { Running } from '../../base/service.ts'
import { type Capability, minionsOfJob, type ReturnerStore } from '../../functions/define-returner.ts'
import type { PayloadStore } from '../../payload/store.ts'
import type { JobLoad, StoredReturn } from '../../protocol/returned.ts'
import type { WantedConsumer } from '../../protocol/streams.ts'
import type { Subjects } from '../../protocol/subject.ts'
import type { JobTimeouts } from '../facts.ts'
import { createEndings, type Ended } from './endings.ts'
import { followInto } from './follow.ts'
import type { Pace } from './pace.ts'
import { createRecordReader, type JobRecord, wholeReturn } from './records.ts'
import type { RefusedRecords } from './refused.ts'
import { MOST_BYTES } from './source.ts'

/** What a returner must be able to do as the master's job cache. */
export const JOB_CACHE = [
  'save_load',
  'returner',
  'get_load',
  'get_jid',
  'get_jids_filter',
] as const satisfies readonly Capability[]
export type JobCacheStore = ReturnerStore & Required<Pick<ReturnerStore, (typeof JOB_CACHE)[number]>>

/** At a stop, for the jobs of which the store has still to be asked. */
const ENDINGS_WITHIN_MS = 2000

export interface MasterJobCacheParts extends JobTimeouts {
  nc: NatsConnection
  subjects: Subjects
  /** Of the returner. */
  name: string
  consumer: WantedConsumer
  store: JobCacheStore
  payloads: Pick<PayloadStore, 'get'>
  pace: Pace
  onLost(): void
  refused: RefusedRecords
  alarms: Alarms
  log: Log
}

/** `stop` stores what was taken. The store is the caller's to close. */
export async function startMasterJobCache(parts: MasterJobCacheParts): Promise<Running> {
  const { nc, subjects, name, consumer, store, payloads, pace, onLost, refused, alarms, log } = parts
  const end = async (ended: readonly Ended[]) => {
    if (ended.length > 0) await store.update_endtime?.(ended)
  }
  const endings = createEndings({
    save_load: loads => store.save_load(loads),
    get_load: jid => store.get_load(jid),
    get_jid_minions: jid => minionsOfJob(store, jid),
    get_jid: jid => store.get_jid(jid, { maxBytes: MOST_BYTES }),
    end: one => end([one]),
    onFailure: error =>
      log.warn(
        { returner: name, error: errorMessage(error) },
        'whether a job has ended could not be asked of its store',
      ),
  })

  let stopping = false
  const write = async (records: readonly JobRecord[]) => {
    if (!stopping) await endings.room()
    const loads: JobLoad[] = []
    const returns: StoredReturn[] = []
    for (const record of records) {
      if ('load' in record) loads.push(record.load)
      else returns.push(await wholeReturn(record, payloads))
    }
    if (loads.length > 0) await store.save_load(loads)
    if (returns.length > 0) await store.returner(returns)
    await end(endings.stored(loads, returns))
  }

  const following = await followInto<JobRecord>({
    nc,
    ns: subjects.ns,
    consumer,
    use: { what: 'master_job_cache', returner: name },
    read: createRecordReader(subjects.eventPrefix, parts, log),
    sizeOf: (record, message) => ('payload' in record && record.payload ? record.payload.size : message.data.length),
    write,
    keyOf: record => ('load' in record ? record.load.jid : `${record.returned.jid}/${record.returned.id}`),
    kindOf: record => ('load' in record ? 'load' : 'return'),
    ...{ pace, onLost, refused, alarms, log },
  })
  return {
    async stop() {
      stopping = true
      await following.stop()
      await endings.stop(ENDINGS_WITHIN_MS)
    },
  }
}
