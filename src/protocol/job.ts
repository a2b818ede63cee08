// The shapes of jobs, reactions and decisions on the wire and in the streams.
/** What the job worker sends to a minion on `<ns>.job.<id>`. */
export interface JobMessage {
  jid: string
  fun: string
  arg: unknown[]
  kwarg: Record<string, unknown>
  /** Who asked, for the minion's own record. */
  user: string
  /** Milliseconds since the epoch after which the job is not to be started. */
  deadline: number
  tgt: string | string[]
  tgt_type: string
  /** Work key of the job, stable over retries. */
  key: string
  hops: number
}

/** The minion's answer to it, at once. */
export interface JobAnswer {
  accepted: boolean
  reason?: string
}

/** A return, as the data of `salt/job/<jid>/ret/<id>`, with Salt's fields. */
export interface JobReturn {
  id: string
  jid: string
  fun: string
  fun_args: unknown[]
  return: unknown
  retcode: number
  success: boolean
  cmd: '_return'
}

/** What operators and services send to `<ns>.publish`. */
export interface PublishMessage {
  tgt: string | string[]
  tgt_type?: string
  fun: string
  arg?: unknown[]
  kwarg?: Record<string, unknown>
  jid?: string
  /** Seconds within which minions may start the job. */
  timeout?: number
}

export const JOB_KINDS = ['local', 'runner', 'wheel'] as const
export type JobKind = (typeof JOB_KINDS)[number]

/** The record of one job in the stream JOBS, stored before the first send. */
export interface JobRecord {
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
  deadline: number
  /** Id of the event that announces the job: random, and kept here, so that a resumed job is announced once. */
  announce: string
  cause?: string
  hops: number
}

/** One rendered action of a reaction. */
export interface ReactionAction {
  kind: JobKind
  fun: string
  tgt?: string | string[]
  tgt_type?: string
  arg: unknown[]
  kwarg: Record<string, unknown>
}

/** One matched rule on one event: the message of the stream REACTIONS, with id `<event id>/<rule>`. */
export interface Reaction {
  rule: string
  /** Hash of the bundle that decided. */
  bundle: string
  event: { id: string; tag: string; origin: string; seq: number; storedMs: number; hops: number }
  actions: ReactionAction[]
}

export const workKey = (eventId: string, rule: string): string => `${eventId}/${rule}`

/** One entry of the ledger (stream DONE, in batches): what became of a reaction. */
export interface Decision {
  key: string
  rule: string
  event: string
  state: 'done' | 'parked'
  /** Milliseconds from the storing of the event to the end of the reaction. */
  ms: number
  jids: string[]
  reason?: string
}

/** A reaction that waits for a person (stream PARKED). */
export interface Parked {
  key: string
  reason: string
  reaction: Reaction | { rule: string; bundle: string; event: Reaction['event'] }
}
