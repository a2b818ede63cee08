// Numbers of the consumers of returners, asked of the server at a scrape: what waits for their stores, and for how long.
import { type ConsumerInfo, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { consumerInfos } from '../bus/consumer-infos.ts'
import { nextUnread } from '../bus/next-unread.ts'
import { returnerNames } from '../protocol/returner-consumers.ts'
import { consumerNames, streamNames } from '../protocol/streams.ts'
import type { Sample, Source } from './registry.ts'

/** Within which the server must answer a scrape. */
const SCRAPE_MS = 2000

/** Labelled `master_job_cache` and `event_return <returner>`; there are none where nothing is configured. */
export async function openReturnersSource(nc: NatsConnection, ns: string): Promise<Source> {
  const jsm = await jetstreamManager(nc, { checkAPI: false, timeout: SCRAPE_MS })
  const { masterJobCache } = consumerNames(ns)

  const read = async (info: ConsumerInfo) => {
    const { name, config, num_pending: pending, num_ack_pending: unacked, num_redelivered: redelivered } = info
    const consumer = name === masterJobCache ? 'master_job_cache' : `event_return ${config.metadata?.returner}`
    const next = pending + unacked > 0 ? await nextUnread(jsm, info) : undefined
    const oldest = next ? Math.max(0, Date.now() - next.time.getTime()) / 1000 : 0
    return { labels: { stream: 'EVENTS', consumer }, pending, unacked, redelivered, oldest }
  }

  return async () => {
    const infos = await consumerInfos(jsm, streamNames(ns).events, returnerNames(ns))
    const all = await Promise.all([...infos.values()].map(read))
    const each = (key: 'pending' | 'unacked' | 'redelivered' | 'oldest'): Sample[] =>
      all.map(({ labels, [key]: value }) => ({ labels, value }))
    return {
      reactor_consumer_pending_messages: each('pending'),
      reactor_consumer_unacked_messages: each('unacked'),
      reactor_consumer_redelivered_messages: each('redelivered'),
      reactor_consumer_oldest_seconds: each('oldest'),
    }
  }
}
