// The durable consumers on EVENTS of the master's returners. Each says in its metadata which returner it is for: what it has goes
// to no other.
import { ACK_WAIT_MS, consumerNames, EVENT_RETURNS, type WantedConsumer } from './streams.ts'

const intoStore = {
  ack_policy: 'explicit',
  ack_wait: ACK_WAIT_MS * 1_000_000,
  // Several workers may each wait for a batch to fill: all of them have to find room.
  max_ack_pending: 20_000,
  max_deliver: -1,
} as const

/** Announcements and returns of jobs, below the origin. */
const JOB_RECORDS = ['job.*.new', 'job.*.ret.*', 'run.*.new', 'run.*.ret', 'wheel.*.new', 'wheel.*.ret']

/** The cache workers share it; each record is acked once the store that is the master's job cache has it. */
export function masterJobCacheConsumer(ns: string, returner: string): WantedConsumer {
  return {
    ...intoStore,
    durable_name: consumerNames(ns).masterJobCache,
    deliver_policy: 'all',
    filter_subjects: JOB_RECORDS.map(tokens => `${ns}.event.*.salt.${tokens}`),
    metadata: { returner },
  }
}

/** What came before the returner was named is not given to it: one that sends mails would send a week of them. */
export function eventReturnConsumer(ns: string, slot: number, returner: string): WantedConsumer {
  return {
    ...intoStore,
    durable_name: consumerNames(ns).eventReturn(slot),
    deliver_policy: 'new',
    metadata: { returner },
  }
}

/** Those of `event_return`, as many as there may be. */
export const eventReturnNames = (ns: string): string[] =>
  Array.from({ length: EVENT_RETURNS }, (_, slot) => consumerNames(ns).eventReturn(slot))

/** Those and the one of the master's job cache. */
export const returnerNames = (ns: string): string[] => [consumerNames(ns).masterJobCache, ...eventReturnNames(ns)]

/** What cache workers give to a returner. */
export interface Use {
  what: 'master_job_cache' | 'event_return'
  returner: string
}

/** As alarms and the log name it: `event_return mysql`. */
export const formatUse = ({ what, returner }: Use): string => `${what} ${returner}`

/** Whose consumer of `returnerNames` it is; undefined: it does not say it yet. */
export function useOf(ns: string, name: string, metadata: Record<string, string> | undefined): Use | undefined {
  const returner = metadata?.returner
  if (returner === undefined) return undefined
  return { what: name === consumerNames(ns).masterJobCache ? 'master_job_cache' : 'event_return', returner }
}

/** The consumers that may be for it, the one to take first in front. */
export const consumersFor = (ns: string, { what, returner }: Use): WantedConsumer[] =>
  what === 'master_job_cache'
    ? [masterJobCacheConsumer(ns, returner)]
    : Array.from({ length: EVENT_RETURNS }, (_, slot) => eventReturnConsumer(ns, slot, returner))
