// Every stream, consumer and bucket of the program, with its limits. Names begin with `<ns>_`.
import type { ConsumerConfig, StreamConfig } from '@nats-io/jetstream'
import type { LaneClass } from './subject.ts'
import { escapeToken, unescapeToken } from './token.ts'

export interface StreamLimits {
  /** How long events are kept, milliseconds. */
  eventsMaxAge: number
  /** Size bound of EVENTS, bytes. A full store refuses events; it never drops unread ones. */
  eventsMaxBytes: number
  /** Copies of each stream: 1 on one node, 3 in a cluster. */
  replicas: number
}

export const DEFAULT_LIMITS: StreamLimits = {
  eventsMaxAge: 7 * 86_400_000,
  eventsMaxBytes: 1024 ** 3,
  replicas: 1,
}

const MiB = 1024 * 1024
/** Bytes of the ledger at least: of about 200 a decision. */
const LEAST_DONE = 512 * MiB
const nanos = (ms: number) => ms * 1_000_000

export const streamNames = (ns: string) => ({
  events: `${ns}_EVENTS`,
  reactions: `${ns}_REACTIONS`,
  jobs: `${ns}_JOBS`,
  done: `${ns}_DONE`,
  parked: `${ns}_PARKED`,
  queues: `${ns}_QUEUES`,
})

export const bucketNames = (ns: string) => ({
  rules: `${ns}_rules`,
  minions: `${ns}_minions`,
  pillars: `${ns}_pillars`,
  keys: `${ns}_keys`,
  tokens: `${ns}_tokens`,
  users: `${ns}_users`,
  passwords: `${ns}_passwords`,
  windows: `${ns}_windows`,
  leases: `${ns}_leases`,
  presence: `${ns}_presence`,
  alarms: `${ns}_alarms`,
  schedules: `${ns}_schedules`,
  bundles: `${ns}_bundles`,
  payloads: `${ns}_payloads`,
})

export const consumerNames = (ns: string) => ({
  reactor: `${ns}_reactor`,
  cache: `${ns}_cache`,
  decisions: `${ns}_decisions`,
  masterJobCache: `${ns}_master_job_cache`,
  /** Of the returners of `event_return`, by a number below EVENT_RETURNS: its metadata names the returner. */
  eventReturn: (slot: number) => `${ns}_event_return_${slot}`,
  lane: (lane: LaneClass) => `${ns}_jobs_${lane}`,
  /** Passing ones of the leaders of stateful rules, by a number below WINDOW_READERS. */
  windowReader: (slot: number) => `${ns}_windows_${slot}`,
})

/** Names are few and known, so that a reactor may reach these consumers and no others. */
export const WINDOW_READERS = 16
/** As many returners may `event_return` name, for the same reason. */
export const EVENT_RETURNS = 8

export type WantedStream = Partial<StreamConfig> & { name: string; subjects: string[] }

export function wantedStreams(ns: string, limits: StreamLimits): WantedStream[] {
  const names = streamNames(ns)
  const common = { storage: 'file', num_replicas: limits.replicas, max_msgs: -1, max_msg_size: -1 } as const
  return [
    {
      ...common,
      name: names.events,
      subjects: [`${ns}.event.>`],
      retention: 'limits',
      discard: 'new',
      allow_direct: true,
      max_age: nanos(limits.eventsMaxAge),
      max_bytes: limits.eventsMaxBytes,
      duplicate_window: nanos(Math.min(10 * 60_000, limits.eventsMaxAge)),
      republish: { src: `${ns}.event.>`, dest: `${ns}.live.>` },
    },
    {
      ...common,
      name: names.reactions,
      // A retry waits as a message schedule under its event and its rule, and comes back on the fast lane when it is due.
      subjects: [`${ns}.reaction.fast.*`, `${ns}.reaction.slow.*`, `${ns}.reaction.retry.*.*`],
      retention: 'workqueue',
      discard: 'new',
      allow_msg_schedules: true,
      allow_direct: true,
      max_age: 0,
      max_bytes: 512 * MiB,
      duplicate_window: nanos(10 * 60_000),
      republish: { src: `${ns}.reaction.>`, dest: `${ns}.decision.reaction.>` },
    },
    {
      ...common,
      name: names.jobs,
      // Records of jobs, and marks of the minions that were away when one was sent.
      subjects: [`${ns}.jobs.*`, `${ns}.jobs.*.*`],
      retention: 'limits',
      discard: 'new',
      allow_direct: true,
      // A jid is taken once, with no window in time: a second message on its subject is refused.
      max_msgs_per_subject: 1,
      discard_new_per_subject: true,
      allow_msg_ttl: true,
      // Each record brings its own time to live.
      max_age: 0,
      max_bytes: 512 * MiB,
    },
    {
      ...common,
      name: names.done,
      subjects: [`${ns}.done.*`],
      retention: 'limits',
      discard: 'old',
      // Kept longer than the events and reactions that it answers for.
      max_age: nanos(limits.eventsMaxAge + 86_400_000),
      // The oldest go where it is full: an alarm says so before they answer for what is still kept.
      max_bytes: Math.max(LEAST_DONE, 2 * limits.eventsMaxBytes),
      republish: { src: `${ns}.done.>`, dest: `${ns}.decision.done.>` },
    },
    {
      ...common,
      name: names.parked,
      subjects: [`${ns}.parked.*.*`],
      retention: 'limits',
      discard: 'new',
      allow_direct: true,
      // What waits is not replaced: the id in its subject is its event's sender's word, and another may say it again.
      max_msgs_per_subject: 1,
      discard_new_per_subject: true,
      max_age: 0,
      max_bytes: 256 * MiB,
      republish: { src: `${ns}.parked.>`, dest: `${ns}.decision.parked.>` },
    },
    {
      ...common,
      name: names.queues,
      // Items of queues, by queue and key: those that wait or are given out, and those that are dead.
      subjects: [`${ns}.queue.ready.*.*`, `${ns}.queue.dead.*.*`],
      retention: 'workqueue',
      discard: 'new',
      allow_direct: true,
      // An item is in a queue once.
      max_msgs_per_subject: 1,
      discard_new_per_subject: true,
      max_age: 0,
      max_bytes: 512 * MiB,
    },
  ]
}

/** After this, what a process that died had in hand goes to another; who lives says `working` well within it. */
export const ACK_WAIT_MS = 10_000

export type WantedConsumer = Partial<ConsumerConfig> & { durable_name: string }

/** The reactor reads all of EVENTS with one durable consumer without filters, which all reactors share. */
export function reactorConsumer(ns: string): WantedConsumer {
  return {
    durable_name: consumerNames(ns).reactor,
    ack_policy: 'explicit',
    deliver_policy: 'all',
    ack_wait: nanos(ACK_WAIT_MS),
    max_ack_pending: 2048,
    max_deliver: -1,
  }
}

/** The cache workers share one too; each event is acked after the job cache has committed it. */
export function cacheConsumer(ns: string): WantedConsumer {
  return {
    durable_name: consumerNames(ns).cache,
    ack_policy: 'explicit',
    deliver_policy: 'all',
    ack_wait: nanos(ACK_WAIT_MS),
    max_ack_pending: 20_000,
    max_deliver: -1,
  }
}

/** The cache workers follow the ledger with one consumer too; each entry is acked after their store has committed it. */
export function decisionsConsumer(ns: string): WantedConsumer {
  return { ...cacheConsumer(ns), durable_name: consumerNames(ns).decisions }
}

/** Events that a reactor asks for ahead: more in flight cost more garbage collection than they save round trips. */
export const EVENTS_AHEAD = 500

/** Job workers share one consumer a lane class. */
export function laneConsumer(ns: string, lane: LaneClass): WantedConsumer {
  return {
    durable_name: consumerNames(ns).lane(lane),
    filter_subject: `${ns}.reaction.${lane}.*`,
    ack_policy: 'explicit',
    deliver_policy: 'all',
    ack_wait: nanos(ACK_WAIT_MS),
    // What is given back for a while counts too. Each worker bounds what it holds itself, by number and by bytes.
    max_ack_pending: 100_000,
    max_deliver: -1,
  }
}

const QUEUE_CONSUMER = '_queue_'

/** The consumer of one queue, which all job workers share: what one of them has taken and not finished goes to another. */
export function queueConsumer(ns: string, queue: string, leaseMs: number): WantedConsumer {
  return {
    durable_name: `${ns}${QUEUE_CONSUMER}${escapeToken(queue)}`,
    filter_subject: `${ns}.queue.ready.${escapeToken(queue)}.*`,
    ack_policy: 'explicit',
    deliver_policy: 'all',
    ack_wait: nanos(leaseMs),
    // Those that are delayed count too.
    max_ack_pending: -1,
    max_deliver: -1,
  }
}

/** The queue whose consumer has this name; none: it is no such consumer. */
export const queueIn = (ns: string, consumer: string): string[] => {
  const prefix = `${ns}${QUEUE_CONSUMER}`
  return consumer.startsWith(prefix) ? [unescapeToken(consumer.slice(prefix.length))] : []
}
