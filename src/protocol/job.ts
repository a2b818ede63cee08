// The shapes of jobs, reactions and decisions on the wire and in the streams.
import type { CutShort } from './lifecycle.ts'
import type { Returning } from './returning.ts'
import type { ValuePath } from './trust.ts'

/** What the job worker sends to a minion on `<ns>.job.<id>`. */
export interface JobMessage extends Returning {
  jid: string
  fun: string
  arg: unknown[]
  kwarg: Record<string, unknown>
  /** Who asked, for the minion's own record. */
  user: string
  /** Milliseconds since the epoch after which the job is not to be started. */
  deadline: number
  /** Milliseconds since the epoch at which the minion ends it if it still runs. */
  run_until: number
  tgt: string | string[]
  tgt_type: string
  /** Work key of the job, stable over retries. */
  key: string
  hops: number
  /** Rules among its causes: see `Trace`. */
  chain?: string
  /** Arguments that an event filled, and that may not be what only a trusted one may be; absent: none. */
  untrusted?: ValuePath[]
  /** It is a run of the minion's own schedule. */
  scheduled?: ScheduledRun
}

/**
 * Milliseconds beyond a job's deadline for which a minion knows that it took it. A delivery after the deadline is refused
 * anyway; the margin is for a clock that is set back, and for who asks after the job.
 */
export const JID_KNOWN_MS = 5 * 60_000

export interface ScheduledRun {
  /** Of its entry. */
  name: string
  /** When it was due, milliseconds since the epoch. */
  slot: number
  /** False: its return stays on the minion. `nocache`: the job cache passes it over. */
  return_job?: false | 'nocache'
  /** Goes with its return. */
  metadata?: Record<string, unknown>
  /** Its arguments as they are told, where a secret of the pillar is among them. */
  shown?: Pick<JobMessage, 'arg' | 'kwarg'>
}

/** The minion's answer to it, at once. */
export interface JobAnswer {
  accepted: boolean
  /** It waits for others to end; when it starts, the event `salt/job/<jid>/prog/<id>/start` says so. */
  waiting?: boolean
  reason?: string
}

/** Where a value lies that is larger than a message: parts `<name>/0` … in the object store, one JSON text together. */
export interface PayloadRef {
  name: string
  parts: number
  /** Bytes of the whole. */
  size: number
  /** Of the whole, as hex. */
  sha256: string
}

/** A return, as the data of `salt/job/<jid>/ret/<id>`, with Salt's fields. */
export interface JobReturn {
  id: string
  jid: string
  fun: string
  fun_args: unknown[]
  /** Null where `payload` says where it lies. */
  return: unknown
  retcode: number
  success: boolean
  cmd: '_return'
  /** The minion died while it ran, or ended it because its time was over; the return says so in words. */
  outcome?: CutShort
  payload?: PayloadRef
  /** The entry of the minion's schedule that it is a run of. Only then there are the fields that follow, as in Salt. */
  schedule?: string
  metadata?: Record<string, unknown>
  /** The job cache passes it over. */
  nocache?: true
  /** Of the minion. */
  pid?: number
  arg?: unknown[]
  tgt?: string
  tgt_type?: string
}

/** How the sending of a job went. Minions that are in none of these run it. */
export interface Sending {
  offline: string[]
  refused: Record<string, string>
  /** It waits there for others to end; or they are connected, and have not said yet whether they take it. */
  waiting: string[]
}

/** Data of `salt/job/<jid>/sent`. */
export interface JobSent extends Sending {
  jid: string
}

/** A minion's request on `<ns>.missed.<id>`: jids of the page before that it has on disk now. Answered by MissedPage. */
export interface MissedRequest {
  took: string[]
}

export interface MissedPage {
  /** In the order of their jids; none: there are no more. */
  jobs: JobMessage[]
}

/** What operators and services send to `<ns>.publish`. */
export interface PublishMessage extends Returning {
  tgt: string | string[]
  tgt_type?: string
  fun: string
  arg?: unknown[]
  kwarg?: Record<string, unknown>
  jid?: string
  /** Seconds within which minions may start the job. */
  timeout?: number
  /** Seconds within which it must have ended. */
  run_timeout?: number
  /** Only so many of the minions that match, drawn by lot. */
  subset?: number
  /** Kept with the job, for searches. */
  metadata?: Record<string, unknown>
  /** True: only say which minions the target means; nothing is started. */
  resolve?: boolean
}

/** What `<ns>.publish` answers. */
export interface Published extends JobSent {
  /** Minions that the job is for. */
  minions: string[]
  /** Ids of a list target that nobody knows. */
  missing: string[]
  /** Milliseconds since the epoch: until then those that are offline may still come and run it. */
  deadline: number
  /** Milliseconds since the epoch: then those that run it end it. */
  run_until: number
}

export const JOB_KINDS = ['local', 'runner', 'wheel'] as const
export type JobKind = (typeof JOB_KINDS)[number]

/** The record of one job in the stream JOBS, stored before the first send. */
export interface JobRecord extends Returning {
  jid: string
  kind: JobKind
  /** Names the work over every redelivery; a jid that is taken under the same key is resumed. */
  key: string
  fun: string
  arg: unknown[]
  kwarg: Record<string, unknown>
  user: string
  tgt?: string | string[]
  tgt_type?: string
  /** The minions expected to answer. */
  minions?: string[]
  /** Ids of a list target that nobody knows. */
  missing?: string[]
  /** Milliseconds since the epoch by which minions must have started it. */
  deadline: number
  /** Milliseconds since the epoch by which it must have ended. */
  run_until: number
  metadata?: Record<string, unknown>
  /** Id of the event that announces the job: random, and kept here, so that a resumed job is announced once. */
  announce: string
  cause?: string
  hops: number
  /** As in the job's message. */
  chain?: string
  /** As in the job's message. */
  untrusted?: ValuePath[]
}

/** One rendered action of a reaction. */
export interface ReactionAction extends Returning {
  kind: JobKind
  fun: string
  tgt?: string | string[]
  tgt_type?: string
  arg: unknown[]
  kwarg: Record<string, unknown>
  /** Values that came with an event which is not an operator's, and that the rule has not allowed; absent: none. */
  untrusted?: ValuePath[]
}
