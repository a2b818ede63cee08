// What stores of job results keep, with Salt's fields: the load of a job, a return, an event.
import type { JobReturn } from './job.ts'

/** A job as it was published: what Salt keeps in `jids.load`. */
export interface JobLoad {
  jid: string
  cmd: 'publish'
  fun: string
  /** Positional arguments, then one map of named ones that is marked; secrets left out. */
  arg: unknown[]
  kwargs: Record<string, unknown>
  tgt: string | string[]
  tgt_type: string
  /** Returners that it was sent with, joined by commas; mostly empty. */
  ret: string
  user: string
  /** The minions that it is for; of a runner or wheel function `_jobs` or `_master`. */
  minions: string[]
}

/** A return of one minion: what Salt keeps in `salt_returns.full_ret`. */
export interface StoredReturn extends Omit<JobReturn, 'payload'> {
  /** When it was made, as stamps of events are. */
  _stamp: string
}

/** An event as stores keep it. */
export interface StoredEvent {
  id: string
  tag: string
  data: Record<string, unknown>
  _stamp: string
  /** As `origin` in rules has it: the id of a minion, `_user-<name>`, `_jobs`. */
  origin: string
}
