// Every metric of the program: its type, its meaning, its labels, and the processes that have it. docs/metrics.md is made from
// this table. A label is the name of a rule, a stream, a returner or one of few words: never a tag, an id or what an event brought.
import type { ServiceOrigin } from '../protocol/origin.ts'

export interface MetricDoc {
  type: 'counter' | 'gauge' | 'histogram'
  help: string
  labels?: readonly string[]
  of: readonly ProcessName[] | 'all'
}

type Bare<T> = T extends `_${infer Name}` ? Name : never
/** As the name of its service's origin, without the `_`. */
export type ProcessName = Bare<ServiceOrigin> | 'minion'
export const processOf = (origin: ServiceOrigin): ProcessName => origin.slice(1) as ProcessName

const REACTOR = ['reactor'] as const
const JOBS = ['jobs'] as const
const CACHE = ['cache'] as const
const READERS = ['reactor', 'jobs', 'cache'] as const
const MINION = ['minion'] as const
const CONSUMER = ['stream', 'consumer'] as const

export const METRICS = {
  reactor_process_info: {
    type: 'gauge',
    help: '1; which process this is, of which namespace and version',
    labels: ['process', 'namespace', 'version'],
    of: 'all',
  },
  reactor_ready: { type: 'gauge', help: '1 while /readyz says so, else 0', of: 'all' },
  reactor_metrics_failures_total: {
    type: 'counter',
    help: 'Readings that failed, so that some metrics were missing from a scrape',
    of: 'all',
  },
  reactor_nats_connected: { type: 'gauge', help: '1 while the process has its NATS server, else 0', of: 'all' },
  reactor_nats_reconnects_total: { type: 'counter', help: 'Times it found its NATS server again', of: 'all' },
  reactor_nats_received_messages_total: { type: 'counter', help: 'Messages from NATS', of: 'all' },
  reactor_nats_sent_messages_total: { type: 'counter', help: 'Messages to NATS', of: 'all' },
  reactor_nats_received_bytes_total: { type: 'counter', help: 'Bytes from NATS', of: 'all' },
  reactor_nats_sent_bytes_total: { type: 'counter', help: 'Bytes to NATS', of: 'all' },
  reactor_publisher_pending_messages: {
    type: 'gauge',
    help: 'Messages on their way to a stream whose ack has not come',
    of: 'all',
  },

  reactor_consumer_pending_messages: {
    type: 'gauge',
    help: 'Lag: messages that no process has been given yet',
    labels: CONSUMER,
    of: READERS,
  },
  reactor_consumer_unacked_messages: {
    type: 'gauge',
    help: 'Messages that were given out and are not done with',
    labels: CONSUMER,
    of: READERS,
  },
  reactor_consumer_redelivered_messages: {
    type: 'gauge',
    help: 'Of those that are not done with, the ones that were given out more than once',
    labels: CONSUMER,
    of: READERS,
  },
  reactor_consumer_oldest_seconds: {
    type: 'gauge',
    help: 'Age of the oldest message that is not done with; 0 where there is none',
    labels: CONSUMER,
    of: READERS,
  },

  reactor_events_read_total: { type: 'counter', help: 'Events read by this reactor', of: REACTOR },
  reactor_events_wanted_total: { type: 'counter', help: 'Events that at least one rule wanted', of: REACTOR },
  reactor_events_in_flight: { type: 'gauge', help: 'Events whose reactions are not stored yet', of: REACTOR },
  reactor_reactions_stored_total: {
    type: 'counter',
    help: 'Reactions handed to the job workers',
    labels: ['rule'],
    of: REACTOR,
  },
  reactor_suppressed_total: {
    type: 'counter',
    help: 'Matches that were recorded and do nothing: throttle, window, loop, shadow, off',
    labels: ['rule', 'reason'],
    of: REACTOR,
  },
  reactor_undecided_parked_total: {
    type: 'counter',
    help: 'Reactions that the reactor itself parked, because they could not be decided or rendered',
    labels: ['rule'],
    of: REACTOR,
  },
  reactor_bundle_info: { type: 'gauge', help: '1; hash of the bundle in force here', labels: ['hash'], of: REACTOR },
  reactor_rules: {
    type: 'gauge',
    help: 'Rules in force by what they do: on, shadow, off',
    labels: ['mode'],
    of: REACTOR,
  },
  reactor_windows_led: {
    type: 'gauge',
    help: '1 where the stateful rules are led from this reactor; of all reactors one leads',
    of: REACTOR,
  },
  reactor_window_events_folded_total: {
    type: 'counter',
    help: 'Events that a stateful rule wanted',
    of: REACTOR,
  },
  reactor_window_pending_events: {
    type: 'gauge',
    help: 'Lag: events that the stateful rules have still to read, at the reactor that leads them',
    of: REACTOR,
  },
  reactor_window_keys: {
    type: 'gauge',
    help: 'Keys that stateful rules keep, at the reactor that leads them',
    labels: ['rule'],
    of: REACTOR,
  },
  reactor_window_keys_dropped: {
    type: 'gauge',
    help: 'Keys that gave way because a rule had more than react.max_keys, since the rule began',
    labels: ['rule'],
    of: REACTOR,
  },

  reactor_decisions_total: {
    type: 'counter',
    help: 'Reactions by the state that they came to: done, retrying, parked, held, dropped',
    labels: ['rule', 'state'],
    of: JOBS,
  },
  reactor_decision_seconds: {
    type: 'histogram',
    help: 'From the storing of an event to the decision on its reaction',
    of: JOBS,
  },
  reactor_reactions_in_hand: {
    type: 'gauge',
    help: 'Reactions that this worker has in hand, those that run included, by class: fast, slow',
    labels: ['rule', 'class'],
    of: JOBS,
  },
  reactor_reactions_in_hand_bytes: { type: 'gauge', help: 'Bytes of the messages in hand', of: JOBS },
  reactor_reactions_running: { type: 'gauge', help: 'Reactions that this worker runs', of: JOBS },
  reactor_jobs_published_total: {
    type: 'counter',
    help: 'Jobs sent to minions: accepted, or refused',
    labels: ['result'],
    of: JOBS,
  },
  reactor_functions_total: {
    type: 'counter',
    help: 'Runner and wheel functions that ended: success, or failed',
    labels: ['kind', 'result'],
    of: ['jobs', 'master'],
  },
  reactor_functions_running: {
    type: 'gauge',
    help: 'Runner and wheel functions that run',
    labels: ['kind'],
    of: ['jobs', 'master'],
  },
  reactor_queue_items: {
    type: 'gauge',
    help: 'Items of a drained queue by state: waiting, leased, dead; of jetstream, what is delayed counts as leased. Every job worker shows the same: take the highest',
    labels: ['queue', 'state'],
    of: JOBS,
  },
  reactor_queue_oldest_seconds: {
    type: 'gauge',
    help: 'Since when the oldest item of a drained queue is in it; 0 where it is empty',
    labels: ['queue'],
    of: JOBS,
  },
  reactor_queue_drained_items_total: {
    type: 'counter',
    help: 'Items of a drained queue that this worker handed to rules',
    labels: ['queue'],
    of: JOBS,
  },

  reactor_facts_committed_total: {
    type: 'counter',
    help: 'Facts about jobs that this worker stored in the job cache',
    of: CACHE,
  },
  reactor_decisions_folded_total: {
    type: 'counter',
    help: 'Decisions and suppressions that this worker stored for `reactor reactions`',
    of: CACHE,
  },
  reactor_store_bytes: {
    type: 'gauge',
    help: 'Size of the files of the cache worker, their logs included',
    labels: ['store'],
    of: CACHE,
  },
  reactor_stream_bytes: { type: 'gauge', help: 'Bytes in a stream', labels: ['stream'], of: CACHE },
  reactor_stream_messages: { type: 'gauge', help: 'Messages in a stream', labels: ['stream'], of: CACHE },
  reactor_stream_max_bytes: {
    type: 'gauge',
    help: 'Bytes at which a stream refuses what comes; left out where it has no bound',
    labels: ['stream'],
    of: CACHE,
  },
  reactor_events_trimmed_total: {
    type: 'counter',
    help: 'Events that everybody had read, removed by this worker to make room',
    of: CACHE,
  },

  reactor_keys: {
    type: 'gauge',
    help: "Minions' keys by state: accepted, pending, rejected",
    labels: ['state'],
    of: ['master'],
  },
  reactor_minions_connected: { type: 'gauge', help: 'Minions whose heartbeat is fresh', of: ['master'] },
  reactor_minions_lost_total: {
    type: 'counter',
    help: 'Times that a minion was lost, as this master heard; every master counts them all',
    of: ['master'],
  },
  reactor_logins_total: {
    type: 'counter',
    help: 'Logins that this master decided on: of minions and operators, accepted or refused',
    labels: ['who', 'result'],
    of: ['master'],
  },

  reactor_minion_jobs_total: {
    type: 'counter',
    help: 'Jobs that ended on this minion: returned, failed, died, timed_out',
    labels: ['result'],
    of: MINION,
  },
  reactor_minion_jobs_running: { type: 'gauge', help: 'Jobs that run', of: MINION },
  reactor_minion_jobs_waiting: { type: 'gauge', help: 'Jobs that wait for a place', of: MINION },
  reactor_minion_returns_unsent: { type: 'gauge', help: 'Returns on disk that the server has not stored', of: MINION },
  reactor_minion_returner_waiting_returns: {
    type: 'gauge',
    help: 'Returns on disk that wait for a returner',
    labels: ['returner'],
    of: MINION,
  },
  reactor_minion_returner_waiting_bytes: {
    type: 'gauge',
    help: 'Their bytes; all together they have minion.returner_spool at most',
    labels: ['returner'],
    of: MINION,
  },
  reactor_minion_returns_parked: {
    type: 'gauge',
    help: 'Returns that never got to their returner, of which the last are kept: reactor call <id> returners.parked',
    of: MINION,
  },
  reactor_minion_events_unsent: { type: 'gauge', help: 'Events on disk that the server has not stored', of: MINION },

  reactor_schedule_slots_total: {
    type: 'counter',
    help: 'Due slots since the start: run, that is handed over to the job workers, or skipped, by the reason',
    labels: ['entry', 'result'],
    of: ['schedule'],
  },
  reactor_schedule_lateness_seconds: {
    type: 'histogram',
    help: 'From when a slot was to run to its being stored for the job workers',
    of: ['schedule'],
  },
  reactor_schedule_leads: {
    type: 'gauge',
    help: '1 where this worker leads the schedule, 0 where it waits; the sum over all of them is 1',
    of: ['schedule'],
  },
  reactor_schedule_entries: {
    type: 'gauge',
    help: 'Entries in force, and refused because something is wrong with them; of the worker that leads',
    labels: ['state'],
    of: ['schedule'],
  },
  reactor_schedule_next_timestamp_seconds: {
    type: 'gauge',
    help: 'When the next entry is due; of the worker that leads',
    of: ['schedule'],
  },

  reactor_gateway_requests_total: {
    type: 'counter',
    help: 'Requests by what became of them: stored, repeated, answered, unauthorized, forbidden, limited, invalid, too_large, unavailable, gone; the hook is its path in the config, empty where none was found',
    labels: ['hook', 'result'],
    of: ['gateway'],
  },
  reactor_gateway_store_seconds: {
    type: 'histogram',
    help: 'From the head of an accepted request to its answer, its events stored',
    of: ['gateway'],
  },
  reactor_gateway_requests_in_hand: { type: 'gauge', help: 'Requests that are not answered yet', of: ['gateway'] },
  reactor_gateway_connections: { type: 'gauge', help: 'Open connections of senders', of: ['gateway'] },
} as const satisfies Record<string, MetricDoc>

export type MetricName = keyof typeof METRICS

/** Of one process, in the order of the table. */
export const metricsOf = (process: ProcessName): MetricName[] =>
  (Object.entries(METRICS) as [MetricName, MetricDoc][])
    .filter(([, { of }]) => of === 'all' || of.includes(process))
    .map(([name]) => name)
