// Which jobs are meant: jids, times and filters as typed, and the job cache that has them.
import { InvalidArgumentError } from 'commander'
import { systemClock } from '../../base/clock.ts'
import { parseDuration } from '../../base/duration.ts'
import { ReactorError } from '../../base/errors.ts'
import type { JobCache } from '../../cache/client.ts'
import { isJid, jidTime } from '../../protocol/jid.ts'
import type { JobSummary, JobsRequest, JobView } from '../../protocol/job-view.ts'

export function readJid(text: string): string {
  if (isJid(text)) return text
  throw new ReactorError('usage', `'${text}' is no jid: a jid is 20 digits, such as 20261120091820837210`)
}

/** The cache stores what has just happened a moment later; older jobs are there, or not. */
const RECENT_MS = 15_000
const PATIENCE_MS = 2000
const RETRY_MS = 100

/** Throws `not_found` where the cache has no such job. */
export async function readJob(cache: JobCache, jid: string): Promise<JobView> {
  const giveUp = Math.abs(Date.now() - jidTime(jid)) < RECENT_MS ? Date.now() + PATIENCE_MS : 0
  for (;;) {
    const view = await cache.job(jid)
    if (view) return view
    if (Date.now() >= giveUp)
      throw new ReactorError(
        'not_found',
        `no job ${jid} in the job cache: there was none, or it is older than jobs are kept; 'reactor jobs list' shows those it has`,
      )
    await systemClock.sleep(RETRY_MS)
  }
}

const PAGE = 1000

/** At most `limit` jobs, newest first, page by page. */
export async function readJobs(
  cache: JobCache,
  request: JobsRequest,
  limit: number,
): Promise<{ jobs: JobSummary[]; more: boolean }> {
  const jobs: JobSummary[] = []
  for (;;) {
    const before = jobs.at(-1)?.jid
    const page = await cache.jobs({
      ...request,
      limit: Math.min(PAGE, limit - jobs.length),
      ...(before === undefined ? {} : { before }),
    })
    jobs.push(...page.jobs)
    if (!page.more || page.jobs.length === 0 || jobs.length >= limit) return { jobs, more: page.more }
  }
}

const DATE = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?$/

/** `30m` ago, `2026-11-20`, `2026-11-20 09:15`, here unless a zone is given: milliseconds since the epoch. */
export function readTime(text: string): number {
  if (DATE.test(text)) {
    // A date alone would be taken for midnight in UTC.
    const time = Date.parse(text.length === 10 ? `${text}T00:00` : text.replace(' ', 'T'))
    if (!Number.isNaN(time)) return time
  } else if (/^\d/.test(text)) {
    try {
      return Date.now() - parseDuration(text)
    } catch {
      // It is neither: said below.
    }
  }
  throw new InvalidArgumentError(`'${text}' is no time: write how long ago, such as 30m, or 2026-11-20 09:15.`)
}
