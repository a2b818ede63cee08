// Jobs from the job cache and the master's cache together, or from one other store alone. The job cache has what runs, and what
// ran lately; the store of a returner has it for good, and what cache workers elsewhere have read.
import { once } from 'node:events'
import { asReactorError, errorMessage, ReactorError } from '../../base/errors.ts'
import type { JobSummary, JobsPage } from '../../protocol/job-view.ts'
import { LOCAL } from '../../returner/load.ts'
import type { JobStore } from '../store.ts'
import type { JobWaits } from '../wait.ts'
import type { JobSource, SourcePage } from './source.ts'
import { isAnnounced, isWhole, merged } from './store-view.ts'

export interface Others {
  /** The master's job cache, where it is no local one. */
  master?: { name: string; source: JobSource }
  /** Throws `bad_argument` where there is no such returner, or its settings do not fit. */
  open(name: string): Promise<JobSource>
}

export interface JobReader {
  answer: JobWaits['answer']
  jobs: JobStore['jobs']
}

/** Who asks has given up by about three times that. */
const READ_MS = 8000
const MOST_JOBS = 1000

type Reading<T> = (source: JobSource, signal: AbortSignal) => Promise<T>

export function withOthers(
  store: Pick<JobStore, 'jobs'>,
  waits: Pick<JobWaits, 'answer'>,
  { master, open }: Others,
  now: () => number,
): JobReader {
  const isNamed = (name: string | undefined): name is string => name !== undefined && name !== LOCAL

  /** What the master's cache says; undefined, with the reason, where it cannot be read. */
  const fromMaster = async <T>(read: Reading<T>): Promise<{ read?: T; incomplete?: string }> => {
    try {
      return { read: await inTime(signal => read(master!.source, signal)) }
    } catch (error) {
      return { incomplete: `what the master_job_cache '${master!.name}' has is missing: ${errorMessage(error)}` }
    }
  }

  const fromNamed = async <T>(name: string, read: Reading<T>): Promise<T> => {
    try {
      const source = name === master?.name ? Promise.resolve(master.source) : open(name)
      return await inTime(async signal => read(await source, signal))
    } catch (error) {
      if (asReactorError(error).code !== 'internal') throw error
      throw new ReactorError('unreachable', `the store of '${name}' cannot be read: ${errorMessage(error)}`, {}, error)
    }
  }

  return {
    async answer(request, visible = () => true) {
      const { ext_source: named, jid, wait = 0 } = request
      if (isNamed(named)) {
        const job = await fromNamed(named, (source, signal) => source.job(jid, now(), { signal }))
        return { job: job && visible(job) ? job : null, marker: '' }
      }
      const local = await waits.answer(request, visible)
      if (!master || named === LOCAL || (local.job && (wait > 0 || isWhole(local.job)))) return local
      const returns = local.job && isAnnounced(local.job) ? local.job.returns : undefined
      const known = returns ? { known: (id: string) => Object.hasOwn(returns, id) } : {}
      const { read, incomplete } = await fromMaster((source, signal) => source.job(jid, now(), { signal, ...known }))
      if (incomplete !== undefined) return { ...local, incomplete }
      const job = merged(local.job, read ?? null, now())
      return { ...local, job: job && visible(job) ? job : null }
    },
    async jobs(request, nowMs, maxBytes) {
      const { ext_source: named } = request
      const limit = Math.min(request.limit ?? MOST_JOBS, MOST_JOBS)
      if (isNamed(named)) {
        const page = await fromNamed(named, (source, signal) => source.jobs(request, limit, { signal }))
        return mergePages({ jobs: [], more: false }, page, limit, maxBytes)
      }
      const local = await store.jobs(request, nowMs, maxBytes)
      // Who may still answer is in the job cache.
      if (!master || named === LOCAL || request.active === true) return local
      const { read, incomplete } = await fromMaster((source, signal) => source.jobs(request, limit, { signal }))
      return read ? mergePages(local, read, limit, maxBytes) : { ...local, incomplete: incomplete! }
    },
  }
}

/** Each once, newest first; what one of them may have more of is left to the next page. */
export function mergePages(local: JobsPage, other: SourcePage, limit: number, maxBytes: number): JobsPage {
  const from = [local.more ? (local.jobs.at(-1)?.jid ?? '') : '', other.upTo ?? ''].sort().at(-1)!
  const found = new Map<string, JobSummary>(other.jobs.map(job => [job.jid, job]))
  // One that the job cache was not told of, only of its returns, is better known to the store.
  for (const job of local.jobs) if (isAnnounced(job) || !found.has(job.jid)) found.set(job.jid, job)
  const all = [...found.values()].filter(({ jid }) => jid >= from).sort((a, b) => (a.jid > b.jid ? -1 : 1))
  const jobs: JobSummary[] = []
  let bytes = 0
  for (const job of all) {
    bytes += Buffer.byteLength(JSON.stringify(job)) + 1
    if (jobs.length === limit || (jobs.length > 0 && bytes > maxBytes)) break
    jobs.push(job)
  }
  const page = { jobs, more: jobs.length < all.length || local.more || other.upTo !== undefined }
  if (jobs.length > 0 || !page.more) return page
  return { ...local, incomplete: 'only the newest jobs of the store were looked through: narrow the search by time' }
}

/** What is too late is given up by the store too, or never begun; one of somebody's own may not know how. */
async function inTime<T>(read: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const late = new AbortController()
  const said = new ReactorError('timeout', `its store has not answered within ${READ_MS / 1000} seconds`)
  const timer = setTimeout(() => late.abort(said), READ_MS)
  const aborted = once(late.signal, 'abort').then(() => Promise.reject(said))
  return Promise.race([read(late.signal), aborted]).finally(() => clearTimeout(timer))
}
