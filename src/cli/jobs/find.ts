// Which jobs are meant: jids, times and filters as typed, and the job cache that has them.
import { InvalidArgumentError } from 'commander'
import { systemClock } from '../../base/clock.ts'
import { errorMessage, ReactorError } from '../../base/errors.ts'
import type { JobCache } from '../../cache/client.ts'
import { jidTime } from '../../protocol/jid.ts'
import type { JobView } from '../../protocol/job-view.ts'
import { readDate } from '../../report/date.ts'

/** The cache stores what has just happened a moment later; older jobs are there, or not. */
const RECENT_MS = 15_000
const PATIENCE_MS = 2000
const RETRY_MS = 100

/** Throws `not_found` where the cache has no such job. */
export async function readJob(cache: Pick<JobCache, 'job'>, jid: string): Promise<JobView> {
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

/** A date as `readDate` takes it, here unless it names a zone: milliseconds since the epoch. */
export function readTime(text: string): number {
  try {
    return readDate(text, Date.now(), 'local')
  } catch (error) {
    throw new InvalidArgumentError(`${errorMessage(error)}.`)
  }
}
