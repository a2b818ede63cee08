import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { JobSummary, JobsRequest } from '../../src/protocol/job-view.ts'
import { allJobs, MOST_LISTED, newestJobs, searchRequests } from '../../src/report/search.ts'
import { madeJob } from './made.ts'

const NOW = Date.UTC(2026, 10, 21)
const jidAt = (index: number) => `20261120${String(index).padStart(12, '0')}`

/** A cache of so many jobs, newest first in pages, that keeps what it was asked. */
function cacheOf(jids: readonly string[], pageSize = 1000) {
  const newest = [...jids].sort().reverse()
  const asked: JobsRequest[] = []
  return {
    asked,
    ask: async (request: JobsRequest) => {
      asked.push(request)
      const left = request.before === undefined ? newest : newest.filter(jid => jid < request.before!)
      const page = left.slice(0, Math.min(request.limit ?? 1000, pageSize))
      return { jobs: page.map((jid): JobSummary => madeJob(jid, {})), more: left.length > page.length }
    },
  }
}

describe('a search', () => {
  it('takes lists, and texts with commas, and times', () => {
    expect(
      searchRequests(
        {
          fun: 'test.*, pkg.install,',
          tgt: ['db*', 'a,b'],
          start: '2026-11-20',
          end: '20261120120000000500',
          kind: 'local',
          withoutFindJob: true,
        },
        NOW,
      ),
    ).toEqual([
      {
        kind: 'local',
        fun: ['test.*', 'pkg.install'],
        tgt: ['db*', 'a,b'],
        since: Date.UTC(2026, 10, 20),
        until: Date.UTC(2026, 10, 20, 12) + 0.5,
        without_find_job: true,
      },
    ])
  })

  it('asks for everything where nothing is given', () => {
    expect(searchRequests({ kind: ['runner'], fun: null, tgt: '', metadata: {} }, NOW)).toEqual([{ kind: ['runner'] }])
  })

  it('for metadata finds what has any pair of them, each job once', async () => {
    const requests = searchRequests({ kind: 'local', metadata: { a: 1, b: { c: 2 } } }, NOW)
    expect(requests).toEqual([
      { kind: 'local', metadata: { a: 1 } },
      { kind: 'local', metadata: { b: { c: 2 } } },
    ])
    const cache = cacheOf([jidAt(1), jidAt(2)])
    expect((await newestJobs(cache.ask, requests, 10)).map(job => job.jid)).toEqual([jidAt(1), jidAt(2)])
    expect(cache.asked.map(request => request.metadata)).toEqual([{ a: 1 }, { b: { c: 2 } }])
  })

  it('refuses a date that it cannot read', () => {
    expect(() => searchRequests({ kind: 'local', start: 'soon' }, NOW)).toThrow("'soon' is not a date")
  })
})

describe('the jobs found', () => {
  it('are the newest, oldest first, whatever the pages are like', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 40 }),
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 1, max: 9 }),
        async (size, count, pageSize) => {
          const jids = Array.from({ length: size }, (_, index) => jidAt(index))
          const found = await newestJobs(cacheOf(jids, pageSize).ask, [{}], count)
          expect(found.map(job => job.jid)).toEqual(jids.slice(-count))
        },
      ),
    )
  })

  it('are asked for with the bound of the cache, and no more of them than are wanted', async () => {
    const cache = cacheOf(Array.from({ length: 2500 }, (_, index) => jidAt(index)))
    expect(await newestJobs(cache.ask, [{}], 1500)).toHaveLength(1500)
    expect(cache.asked).toEqual([{ limit: 1000 }, { limit: 500, before: jidAt(1500) }])
  })

  it('are refused where they are too many to list', async () => {
    const cache = cacheOf(Array.from({ length: MOST_LISTED + 1 }, (_, index) => jidAt(index)))
    await expect(allJobs(cache.ask, [{}])).rejects.toMatchObject({
      code: 'bad_argument',
      message: expect.stringMatching(/^more than 50000 jobs match: narrow the search/),
    })
  })
})
