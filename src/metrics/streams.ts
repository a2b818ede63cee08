// Numbers of streams and of their durable consumers, asked of the server at a scrape: sizes, lag, and how old the oldest
// message is that is not done with.
import { JetStreamApiCodes, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { consumerNames, streamNames } from '../protocol/streams.ts'
import type { LaneClass } from '../protocol/subject.ts'
import type { Sample, Source } from './registry.ts'

/** Within which the server must answer a scrape. */
const SCRAPE_MS = 2000

const open = (nc: NatsConnection) => jetstreamManager(nc, { checkAPI: false, timeout: SCRAPE_MS })

/** All of the program's, labelled as they are named without the namespace. */
export async function openStreamsSource(nc: NatsConnection, ns: string): Promise<Source> {
  const jsm = await open(nc)
  const read = async ([key, name]: [string, string]) => ({
    labels: { stream: key.toUpperCase() },
    info: await jsm.streams.info(name),
  })
  return async () => {
    const infos = await Promise.all(Object.entries(streamNames(ns)).map(read))
    const each = (value: (info: (typeof infos)[number]['info']) => number) =>
      infos.map(({ labels, info }) => ({ labels, value: value(info) }))
    return {
      reactor_stream_bytes: each(({ state }) => state.bytes),
      reactor_stream_messages: each(({ state }) => state.messages),
      reactor_stream_max_bytes: each(({ config }) => config.max_bytes).filter(({ value }) => value > 0),
    }
  }
}

export type WatchedConsumer = 'reactor' | 'cache' | 'decisions' | LaneClass

/** Consumers that were not made yet are left out. */
export async function openConsumersSource(
  nc: NatsConnection,
  ns: string,
  stream: keyof ReturnType<typeof streamNames>,
  consumers: readonly WatchedConsumer[],
): Promise<Source> {
  const jsm = await open(nc)
  const name = streamNames(ns)[stream]
  const { lane, ...named } = consumerNames(ns)

  const read = async (consumer: WatchedConsumer) => {
    const durable = consumer === 'fast' || consumer === 'slow' ? lane(consumer) : named[consumer]
    const info = await jsm.consumers.info(name, durable).catch((error: { code?: number }) => {
      if (error.code === JetStreamApiCodes.ConsumerNotFound) return undefined
      throw error
    })
    if (!info) return []
    const { num_pending: pending, num_ack_pending: unacked, num_redelivered: redelivered } = info
    const numbers = { labels: { stream: stream.toUpperCase(), consumer }, pending, unacked, redelivered }
    // The ledger has no direct reads.
    if (stream === 'done') return [numbers]
    const query = { seq: info.ack_floor.stream_seq + 1, next_by_subj: info.config.filter_subject ?? '>' }
    const next = pending + unacked > 0 ? await jsm.direct.getMessage(name, query) : null
    return [{ ...numbers, oldest: next ? Math.max(0, Date.now() - next.time.getTime()) / 1000 : 0 }]
  }

  return async () => {
    const all: (Awaited<ReturnType<typeof read>>[number] & { oldest?: number })[] = (
      await Promise.all(consumers.map(read))
    ).flat()
    const each = (key: 'pending' | 'unacked' | 'redelivered' | 'oldest') =>
      all.flatMap(({ labels, [key]: value }): Sample[] => (value === undefined ? [] : [{ labels, value }]))
    return {
      reactor_consumer_pending_messages: each('pending'),
      reactor_consumer_unacked_messages: each('unacked'),
      reactor_consumer_redelivered_messages: each('redelivered'),
      reactor_consumer_oldest_seconds: each('oldest'),
    }
  }
}
