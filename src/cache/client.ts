// Asking the job cache, as operators and services do.
import type { NatsConnection } from '@nats-io/transport-node'
import { requestJson } from '../bus/request.ts'
import type { JobRequest, JobSummary, JobsPage, JobsRequest, JobView } from '../protocol/job-view.ts'
import type { ReactionsPage, ReactionsRequest, ReactionView, RuleCounts } from '../protocol/reaction-view.ts'
import type { Subjects } from '../protocol/subject.ts'
import type { JobAnswer } from './wait.ts'

export interface JobCache {
  /** Null: there is no such job, or not any more. `source`: the returner whose store alone is asked. */
  job(jid: string, source?: string): Promise<JobView | null>
  /** Once more is known of the job than at `after` (without it: anything), or `waitS` seconds are over. */
  changed(jid: string, waitS: number, after?: string): Promise<JobAnswer>
  jobs(request: JobsRequest): Promise<JobsPage>
}

export interface ReactionHistory {
  reactions(request: ReactionsRequest): Promise<ReactionsPage>
  /** Of every rule that ever decided anything. */
  rules(): Promise<RuleCounts[]>
}

const TIMEOUT_MS = 30_000
const MOST_SAID = 100

/**
 * Throws `unreachable` where no cache worker answers, `bad_argument` on a request that it refuses. `onIncomplete` hears once of
 * each reason for which an answer is not all that there is.
 */
export function createJobCache(
  nc: NatsConnection,
  subjects: Subjects,
  onIncomplete: (reason: string) => void = () => undefined,
): JobCache {
  const options = { timeoutMs: TIMEOUT_MS, what: 'the job cache' }
  const said = new Set<string>()
  const heard = <T extends { incomplete?: string }>(answer: T): T => {
    const { incomplete } = answer
    if (incomplete !== undefined && !said.has(incomplete)) onIncomplete(incomplete)
    if (incomplete !== undefined && said.size < MOST_SAID) said.add(incomplete)
    return answer
  }
  const askJob = async (request: JobRequest, timeoutMs = TIMEOUT_MS) =>
    heard(await requestJson<JobAnswer>(nc, subjects.historyJob, request, { ...options, timeoutMs }))
  return {
    job: async (jid, source) => (await askJob({ jid, ...(source === undefined ? {} : { ext_source: source }) })).job,
    changed: (jid, waitS, after) =>
      askJob({ jid, wait: waitS, ...(after === undefined ? {} : { after }) }, TIMEOUT_MS + waitS * 1000),
    jobs: async request => heard(await requestJson<JobsPage>(nc, subjects.historyJobs, request, options)),
  }
}

/** Throws `unreachable` where no cache worker answers, `bad_argument` on a request that it refuses. */
export function createReactionHistory(nc: NatsConnection, subjects: Subjects): ReactionHistory {
  const options = { timeoutMs: TIMEOUT_MS, what: 'the history of reactions' }
  return {
    reactions: request => requestJson(nc, subjects.historyReactions, request, options),
    rules: () => requestJson(nc, subjects.historyRules, {}, options),
  }
}

/** What the cache gives at once. */
const PAGE = 1000

/** At most `limit` jobs, newest first, page by page; `more`: others are there. */
export async function readJobs(cache: Pick<JobCache, 'jobs'>, request: JobsRequest, limit: number): Promise<JobsPage> {
  const jobs: JobSummary[] = []
  let incomplete: string | undefined
  for (;;) {
    const before = jobs.at(-1)?.jid
    const page = await cache.jobs({
      ...request,
      limit: Math.min(PAGE, limit - jobs.length),
      ...(before === undefined ? {} : { before }),
    })
    jobs.push(...page.jobs)
    incomplete ??= page.incomplete
    if (!page.more || page.jobs.length === 0 || jobs.length >= limit)
      return { jobs, more: page.more, ...(incomplete === undefined ? {} : { incomplete }) }
  }
}

/** At most `limit` reactions, newest first, page by page; `cursor`: others are there. */
export async function readReactions(
  history: Pick<ReactionHistory, 'reactions'>,
  request: ReactionsRequest,
  limit: number,
): Promise<ReactionsPage> {
  const reactions: ReactionView[] = []
  let before = request.before
  for (;;) {
    const wanted = Math.min(PAGE, limit - reactions.length)
    const page = await history.reactions({ ...request, limit: wanted, ...(before === undefined ? {} : { before }) })
    reactions.push(...page.reactions)
    before = page.cursor
    if (before === undefined) return { reactions }
    if (reactions.length >= limit) return { reactions, cursor: before }
  }
}
