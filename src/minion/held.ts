// The jobs that a minion has in hand, on disk under their jids: what it took, what of it runs, returns that the server has
// not acked yet, and jids that are done with and must not be taken again.
import { type DurableMap, openDurableMap, readDurableMap } from '../base/durable-map.ts'
import { isObject } from '../base/json.ts'
import type { Log } from '../base/log.ts'
import { isJid } from '../protocol/jid.ts'
import { JID_KNOWN_MS, type JobMessage, type JobReturn } from '../protocol/job.ts'
import { isReturning } from '../protocol/returning.ts'
import { isValuePaths } from '../protocol/trust.ts'

export interface WaitingJob {
  state: 'waiting'
  job: JobMessage
}

export interface RunningOnDisk {
  state: 'running'
  job: JobMessage
  /** Milliseconds since the epoch. */
  started: number
  /** Of the last process that it started. */
  pid?: number
}

export interface UnsentReturn {
  state: 'returned'
  returned: JobReturn
  /** Of its event, kept over every sending. */
  event: string
  stamp: string
  hops: number
  /** Rules among the causes of the job; absent: none, or it was written by a version before there were chains. */
  chain?: string
  forgetAt: number
}

/** A number: the job is over and its return acked; the jid is remembered until then, milliseconds since the epoch. */
export type Held = WaitingJob | RunningOnDisk | UnsentReturn | number

export const forgetAt = (job: JobMessage): number => job.deadline + JID_KNOWN_MS

/** Throws `unwritable`. */
export const openHeldJobs = (file: string, log: Log): Promise<DurableMap<Held>> =>
  openDurableMap(file, { read: readHeld, log })

/** As they are on disk now, for a process beside the minion. */
export const readHeldJobs = (file: string): Promise<ReadonlyMap<string, Held>> => readDurableMap(file, readHeld)

function readHeld(value: unknown): Held {
  if (typeof value === 'number') return value
  if (isObject(value)) {
    if (value.state === 'waiting' && isJobMessage(value.job)) return value as unknown as WaitingJob
    if (value.state === 'running' && isJobMessage(value.job)) return value as unknown as RunningOnDisk
    if (value.state === 'returned' && isUnsent(value)) return value as unknown as UnsentReturn
  }
  throw new Error('expected a job in hand')
}

const isChain = (chain: unknown): boolean => chain === undefined || typeof chain === 'string'

const isUnsent = (value: Record<string, unknown>): boolean =>
  isObject(value.returned) &&
  isJid(value.returned.jid) &&
  typeof value.event === 'string' &&
  typeof value.stamp === 'string' &&
  typeof value.hops === 'number' &&
  isChain(value.chain) &&
  typeof value.forgetAt === 'number'

const isScheduled = (scheduled: unknown): boolean =>
  scheduled === undefined ||
  (isObject(scheduled) && typeof scheduled.name === 'string' && Number.isFinite(scheduled.slot))

export const isJobMessage = (job: unknown): job is JobMessage =>
  isObject(job) &&
  isJid(job.jid) &&
  typeof job.fun === 'string' &&
  Array.isArray(job.arg) &&
  isObject(job.kwarg) &&
  typeof job.user === 'string' &&
  Number.isFinite(job.deadline) &&
  Number.isFinite(job.run_until) &&
  (typeof job.tgt === 'string' || Array.isArray(job.tgt)) &&
  typeof job.tgt_type === 'string' &&
  typeof job.key === 'string' &&
  Number.isInteger(job.hops) &&
  isChain(job.chain) &&
  (job.untrusted === undefined || isValuePaths(job.untrusted)) &&
  isScheduled(job.scheduled) &&
  isReturning(job)
