// Jobs as the job cache tells of them, over `<ns>.history.job` and `<ns>.history.jobs`.
import type { JobKind, PayloadRef } from './job.ts'
import type { CutShort, MinionState } from './lifecycle.ts'
import type { Returning } from './returning.ts'

/** One job without its returns. Of `ret_kwargs` it has the names; each value is `[redacted]`. */
export interface JobSummary extends Returning {
  jid: string
  kind: JobKind
  fun: string
  /** As in events: positional ones, then one map of named ones that is marked; secrets left out. */
  arg: unknown[]
  tgt: string | string[]
  tgt_type: string
  user: string
  /** Id of the event, or the jid, that caused it. */
  cause?: string
  metadata?: Record<string, unknown>
  /** The entry of a minion's own schedule that it is a run of. */
  schedule?: string
  /** Milliseconds since the epoch. */
  start: number
  deadline: number
  run_until: number
  /** The minions that it is for; of a runner or wheel function `_jobs` or `_master`. */
  minions: string[]
  missing: string[]
  /** How many minions are in each state that some are in. */
  counts: Partial<Record<MinionState, number>>
  /** Whether some minion may still answer. */
  active: boolean
  /** Of a list: the returner whose store it comes from. `counts` are empty: its returns, in the store, say how it went. */
  stored_in?: string
}

export interface CachedReturn {
  return: unknown
  retcode: number
  success: boolean
  outcome?: CutShort
  payload?: PayloadRef
  /** Milliseconds since the epoch at which it was stored. */
  at: number
}

/** One job with what is known of each of its minions. */
export interface JobView extends JobSummary {
  states: Record<string, MinionState>
  /** Why a minion refused it. */
  reasons: Record<string, string>
  returns: Record<string, CachedReturn>
}

/** Request of `<ns>.history.job`; answered by `{job: JobView | null, marker, incomplete?}`. */
export interface JobRequest {
  jid: string
  /** A returner whose store alone is asked, at once; `local`: the job cache alone. Default: it and the master's. */
  ext_source?: string
  /** Seconds, at most 30: answered once more is known than at `after`, or when they are over. */
  wait?: number
  /** The `marker` of an earlier answer; without it, once anything is known of the job. */
  after?: string
}

/** Request of `<ns>.history.jobs`: newest first; all that is given must hold. Answered by JobsPage. */
export interface JobsRequest {
  /** Globs; one of them must match. */
  fun?: string | string[]
  /** Globs over the target as it was written. */
  tgt?: string | string[]
  /** Only jobs that this user asked for. */
  user?: string
  /** Every pair must be in the job's metadata. */
  metadata?: Record<string, unknown>
  kind?: JobKind | JobKind[]
  /** Milliseconds since the epoch, both included. */
  since?: number
  until?: number
  /** Only jobs that some minion may still answer. */
  active?: boolean
  /** Leave out saltutil.find_job, as Salt's list_jobs_filter does. */
  without_find_job?: boolean
  /** At most so many; default and bound 1000. */
  limit?: number
  /** Only jobs before this jid: the last one of the page before. */
  before?: string
  /** As in JobRequest. */
  ext_source?: string
}

export interface JobsPage {
  jobs: JobSummary[]
  /** More are there: ask again with `before` set to the last jid. */
  more: boolean
  /** Why not all could be read that there is, such as a store that is down. */
  incomplete?: string
}
