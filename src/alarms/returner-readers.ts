// Returners of the master as readers of the event store: what they have not stored yet is not to go.
import type { ConsumerInfo, JetStreamManager } from '@nats-io/jetstream'
import { nextUnread } from '../bus/next-unread.ts'
import { eventReturnNames } from '../protocol/returner-consumers.ts'
import { consumerNames } from '../protocol/streams.ts'
import type { Reader } from './room.ts'

/** Those of the master's job cache and of `event_return`, among the consumers of EVENTS, whose last is `lastSeq`. */
export async function returnersAmong(
  jsm: JetStreamManager,
  ns: string,
  lastSeq: number,
  consumers: ReadonlyMap<string, ConsumerInfo>,
): Promise<Reader[]> {
  const { masterJobCache } = consumerNames(ns)
  const readers: Reader[] = []
  const cache = consumers.get(masterJobCache)
  if (cache) {
    // What stands between the last that it read and the next that it has to is not its own: nobody may run jobs for days.
    const unread = cache.ack_floor.stream_seq < lastSeq ? await nextUnread(jsm, cache) : undefined
    readers.push({ name: 'the master_job_cache', floor: unread ? unread.seq - 1 : lastSeq })
  }
  for (const name of eventReturnNames(ns)) {
    const info = consumers.get(name)
    if (info) readers.push({ name: `event_return ${info.config.metadata?.returner}`, floor: info.ack_floor.stream_seq })
  }
  return readers
}
