// Salt's search arguments as requests to the job cache, and the jobs that one of them finds.
import { ReactorError } from '../base/errors.ts'
import { type JobCache, readJobs } from '../cache/client.ts'
import type { JobKind } from '../protocol/job.ts'
import type { JobSummary, JobsRequest } from '../protocol/job-view.ts'
import { readDate } from './date.ts'

interface Search {
  /** Any pair of it must be in the job's metadata, as in Salt. */
  metadata?: Record<string, unknown> | null | undefined
  /** Globs, as a list or with commas between them; one must match. */
  fun?: string | string[] | null | undefined
  tgt?: string | string[] | null | undefined
  start?: string | null | undefined
  end?: string | null | undefined
  kind: JobKind | JobKind[]
  /** A returner whose store alone is asked. */
  source?: string | null | undefined
  withoutFindJob?: boolean
}

type AskJobs = JobCache['jobs']

/** A list that is longer helps nobody, and would not fit an answer. */
export const MOST_LISTED = 50_000

/** Whatever one of the requests finds is found: the cache wants all pairs of metadata, Salt any. Throws `bad_argument`. */
export function searchRequests(search: Search, nowMs: number): JobsRequest[] {
  const fun = splitInput(search.fun)
  const tgt = splitInput(search.tgt)
  const request: JobsRequest = {
    kind: search.kind,
    ...(fun.length > 0 ? { fun } : {}),
    ...(tgt.length > 0 ? { tgt } : {}),
    ...(search.start ? { since: readDate(search.start, nowMs, 'utc') } : {}),
    ...(search.end ? { until: readDate(search.end, nowMs, 'utc') } : {}),
    ...(search.withoutFindJob ? { without_find_job: true } : {}),
    ...(search.source ? { ext_source: search.source } : {}),
  }
  const pairs = Object.entries(search.metadata ?? {})
  return pairs.length === 0 ? [request] : pairs.map(([key, value]) => ({ ...request, metadata: { [key]: value } }))
}

/** The newest jobs that one of the requests finds, at most `count` of them, oldest first. */
export async function newestJobs(ask: AskJobs, requests: readonly JobsRequest[], count: number): Promise<JobSummary[]> {
  const found = new Map<string, JobSummary>()
  for (const request of requests)
    for (const job of (await readJobs({ jobs: ask }, request, count)).jobs) found.set(job.jid, job)
  return [...found.values()].sort((a, b) => (a.jid < b.jid ? -1 : 1)).slice(-count)
}

/** All of them, oldest first. Throws where they are more than `MOST_LISTED`. */
export async function allJobs(ask: AskJobs, requests: readonly JobsRequest[]): Promise<JobSummary[]> {
  const found = await newestJobs(ask, requests, MOST_LISTED + 1)
  if (found.length <= MOST_LISTED) return found
  throw new ReactorError(
    'bad_argument',
    `more than ${MOST_LISTED} jobs match: narrow the search, by start_time for example, or take the newest with jobs.list_jobs_filter`,
  )
}

/** The parts of a list, or of a text with commas. */
export function splitInput(input: string | string[] | null | undefined): string[] {
  if (!input) return []
  return (Array.isArray(input) ? input : input.split(',')).map(part => part.trim()).filter(Boolean)
}
