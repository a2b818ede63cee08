import { describe, expect, it } from 'vitest'
import type { JobCache } from '../../../src/cache/client.ts'
import { readJid, readJob, readJobs, readTime } from '../../../src/cli/jobs/find.ts'
import { createJidSource } from '../../../src/protocol/jid.ts'
import type { JobSummary, JobsRequest, JobView } from '../../../src/protocol/job-view.ts'

const JID = '20261120091820837210'

describe('a jid as typed', () => {
  it('is 20 digits', () => {
    expect(readJid(JID)).toBe(JID)
    for (const text of ['123', '', 'nonsense', `${JID}0`, ` ${JID}`])
      expect(() => readJid(text)).toThrow(
        expect.objectContaining({
          code: 'usage',
          message: expect.stringContaining('a jid is 20 digits, such as 2026'),
        }),
      )
  })
})

describe('a time as typed', () => {
  it('is how long ago, or a date here, or one with a zone', () => {
    expect(Math.abs(readTime('2h') - (Date.now() - 7_200_000))).toBeLessThan(1000)
    expect(readTime('2026-11-20')).toBe(new Date(2026, 10, 20).getTime())
    expect(readTime('2026-11-20 09:15')).toBe(new Date(2026, 10, 20, 9, 15).getTime())
    expect(readTime('2026-11-20T09:15:30Z')).toBe(Date.UTC(2026, 10, 20, 9, 15, 30))
    expect(readTime('2026-11-20T09:15:30+02:00')).toBe(Date.UTC(2026, 10, 20, 7, 15, 30))
  })

  it.each(['yesterday', '', '2026-13-40', '2026-11-20 9', '-5m', '5 minutes'])('%j is none', text => {
    expect(() => readTime(text)).toThrow(/is no time: write how long ago, such as 30m/)
  })
})

/** A cache that has `count` jobs, newest first. */
function cacheOf(count: number) {
  const all = Array.from({ length: count }, (_, i) => ({ jid: String(count - i).padStart(20, '0') }) as JobSummary)
  const asked: JobsRequest[] = []
  const cache: JobCache = {
    job: async () => null,
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

describe('one job of the cache', () => {
  it('may come a moment late where it has just begun', async () => {
    const jid = createJidSource()()
    let asked = 0
    const job = async () => (++asked < 3 ? null : ({ jid } as JobView))
    expect(await readJob({ ...cacheOf(0).cache, job }, jid)).toEqual({ jid })
  })

  it('that is old and not there is said to be so at once', async () => {
    let asked = 0
    const job = async () => {
      asked++
      return null
    }
    await expect(readJob({ ...cacheOf(0).cache, job }, '20200101000000000000')).rejects.toMatchObject({
      code: 'not_found',
      message: expect.stringContaining('no job 20200101000000000000 in the job cache'),
    })
    expect(asked).toBe(1)
  })
})
