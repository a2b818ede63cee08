// Asking the job cache, as operators and services do.
import type { NatsConnection } from '@nats-io/transport-node'
import { requestJson } from '../bus/request.ts'
import type { JobsPage, JobsRequest, JobView } from '../protocol/job-view.ts'
import type { Subjects } from '../protocol/subject.ts'

export interface JobCache {
  /** Null: there is no such job, or not any more. */
  job(jid: string): Promise<JobView | null>
  jobs(request: JobsRequest): Promise<JobsPage>
}

const TIMEOUT_MS = 30_000

/** Throws `unreachable` where no cache worker answers, `bad_argument` on a request that it refuses. */
export function createJobCache(nc: NatsConnection, subjects: Subjects): JobCache {
  const options = { timeoutMs: TIMEOUT_MS, what: 'the job cache' }
  return {
    job: async jid => (await requestJson<{ job: JobView | null }>(nc, subjects.historyJob, { jid }, options)).job,
    jobs: request => requestJson(nc, subjects.historyJobs, request, options),
  }
}
