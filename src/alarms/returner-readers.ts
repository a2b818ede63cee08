// Returners of the master as readers of the event store: what they have not stored yet is not to go while there is room for it.
import type { ConsumerInfo, JetStreamManager } from '@nats-io/jetstream'
import { nextUnread } from '../bus/next-unread.ts'
import { formatUse, returnerNames, useOf } from '../protocol/returner-consumers.ts'
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
  const readerOf = async (info: ConsumerInfo): Promise<Reader> => {
    const use = useOf(ns, info.name, info.config.metadata)
    return {
      name: use ? formatUse(use) : 'the master_job_cache',
      floor: info.name === masterJobCache ? await floorAmongOthers(info) : info.ack_floor.stream_seq,
      returner: { consumer: info.name, unread: info.num_pending + info.num_ack_pending },
    }
  }
  /** What stands between the last that it read and the next that it has to is not its own: nobody may run jobs for days. */
  const floorAmongOthers = async (info: ConsumerInfo): Promise<number> => {
    const unread = info.ack_floor.stream_seq < lastSeq ? await nextUnread(jsm, info) : undefined
    return unread ? unread.seq - 1 : lastSeq
  }
  const found = returnerNames(ns).flatMap(name => consumers.get(name) ?? [])
  return Promise.all(found.map(readerOf))
}
