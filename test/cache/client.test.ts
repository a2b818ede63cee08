import { describe, expect, it } from 'vitest'
import { type JobCache, readJobs } from '../../src/cache/client.ts'
import type { JobSummary, JobsRequest } from '../../src/protocol/job-view.ts'

/** A cache that has `count` jobs, newest first. */
function cacheOf(count: number) {
  const all = Array.from({ length: count }, (_, i) => ({ jid: String(count - i).padStart(20, '0') }) as JobSummary)
  const asked: JobsRequest[] = []
  const cache: Pick<JobCache, 'jobs'> = {
    async jobs(request) {
      asked.push(request)
      const from = request.before === undefined ? 0 : all.findIndex(({ jid }) => jid < request.before!)
      const jobs = from < 0 ? [] : all.slice(from, from + request.limit!)
      return { jobs, more: from >= 0 && from + jobs.length < count }
    },
  }
  return { cache, asked }
}

describe('the jobs of the cache', () => {
  it('come page by page, at most as many as are wanted', async () => {
    const { cache, asked } = cacheOf(2500)
    const { jobs, more } = await readJobs(cache, { active: true }, 2200)
    expect([jobs.length, more, new Set(jobs.map(({ jid }) => jid)).size]).toEqual([2200, true, 2200])
    expect(asked.map(({ limit }) => limit)).toEqual([1000, 1000, 200])
    expect(asked.every(({ active }) => active)).toBe(true)
  })

  it('may be fewer, or none', async () => {
    expect(await readJobs(cacheOf(3).cache, {}, 50)).toMatchObject({ jobs: [{}, {}, {}], more: false })
    expect(await readJobs(cacheOf(0).cache, {}, 50)).toEqual({ jobs: [], more: false })
  })
})
