// The job cache as its workers use it, whatever keeps it: facts in, views out. A commit may bring the same facts again,
// in any order; what is asked about a job says the same in the end.
import type { JobsPage, JobsRequest, JobView } from '../protocol/job-view.ts'
import type { Fact } from './facts.ts'

export interface StoredFact {
  fact: Fact
  /** Of its event. */
  bytes: number
}

export interface JobStore {
  /** All of them, or none where it throws. Makes room first: the oldest jobs give way. */
  commit(facts: readonly StoredFact[]): Promise<void>
  /** Lets go of some jobs heard of before `before` that nobody can answer any more. True: there may be more of them. */
  prune(before: number, nowMs: number): Promise<boolean>
  job(jid: string, nowMs: number): Promise<JobView | null>
  /** The user who asked for a job; undefined where it is not known, or not yet. */
  asker(jid: string): Promise<string | undefined>
  /** Other than before where anything of the job has become known; empty text where nothing is known of it. */
  marker(jid: string): Promise<string>
  /** Other than before where anything at all has been stored, by whichever worker. Cheap. */
  version(): Promise<string>
  /** Newest first; the page ends early where its summaries would have more than `maxBytes` as JSON. */
  jobs(request: JobsRequest, nowMs: number, maxBytes: number): Promise<JobsPage>
  close(): void
}

/** Why a commit failed, in words, and whether the store as a whole takes nothing at the moment: full, locked, not there. */
export type ReadFailure = (error: unknown) => { ofStore: boolean; message: string }
