// Jobs from the job cache and the master's cache together, or from one other store alone. The job cache has what runs, and what
// ran lately; the store of a returner has it for good, and what cache workers elsewhere have read.
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

export function withOthers(
  store: Pick<JobStore, 'jobs'>,
  waits: Pick<JobWaits, 'answer'>,
  { master, open }: Others,
  now: () => number,
): JobReader {
  const isNamed = (name: string | undefined): name is string => name !== undefined && name !== LOCAL

  /** What the master's cache says; undefined, with the reason, where it cannot be read. */
  const fromMaster = async <T>(read: (source: JobSource) => Promise<T>): Promise<{ read?: T; incomplete?: string }> => {
    try {
      return { read: await inTime(read(master!.source)) }
    } catch (error) {
      return { incomplete: `what the master_job_cache '${master!.name}' has is missing: ${errorMessage(error)}` }
    }
  }

  const fromNamed = async <T>(name: string, read: (source: JobSource) => Promise<T>): Promise<T> => {
    try {
      const source = name === master?.name ? Promise.resolve(master.source) : open(name)
      return await inTime(source.then(read))
    } catch (error) {
      if (asReactorError(error).code !== 'internal') throw error
      throw new ReactorError('unreachable', `the store of '${name}' cannot be read: ${errorMessage(error)}`, {}, error)
    }
  }

  return {
    async answer(request, visible = () => true) {
      const { ext_source: named, jid, wait = 0 } = request
      if (isNamed(named)) {
        const job = await fromNamed(named, source => source.job(jid, now()))
        return { job: job && visible(job) ? job : null, marker: '' }
      }
      const local = await waits.answer(request, visible)
      if (!master || named === LOCAL || (local.job && (wait > 0 || isWhole(local.job)))) return local
      const { read, incomplete } = await fromMaster(source => source.job(jid, now()))
      if (incomplete !== undefined) return { ...local, incomplete }
      const job = merged(local.job, read ?? null, now())
      return { ...local, job: job && visible(job) ? job : null }
    },
    async jobs(request, nowMs, maxBytes) {
      const { ext_source: named } = request
      const limit = Math.min(request.limit ?? MOST_JOBS, MOST_JOBS)
      if (isNamed(named)) {
        const page = await fromNamed(named, source => source.jobs(request, limit))
        return mergePages({ jobs: [], more: false }, page, limit, maxBytes)
      }
      const local = await store.jobs(request, nowMs, maxBytes)
      // Who may still answer is in the job cache.
      if (!master || named === LOCAL || request.active === true) return local
      const { read, incomplete } = await fromMaster(source => source.jobs(request, limit))
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

async function inTime<T>(reading: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    const error = new ReactorError('timeout', `its store has not answered within ${READ_MS / 1000} seconds`)
    timer = setTimeout(() => reject(error), READ_MS)
  })
  return Promise.race([reading, late]).finally(() => clearTimeout(timer))
}
