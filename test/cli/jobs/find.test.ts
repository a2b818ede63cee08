import { describe, expect, it } from 'vitest'
import { readJob, readTime } from '../../../src/cli/jobs/find.ts'
import { createJidSource } from '../../../src/protocol/jid.ts'
import type { JobView } from '../../../src/protocol/job-view.ts'

describe('a time as typed', () => {
  it('is how long ago, or a date here, or one with a zone', () => {
    expect(Math.abs(readTime('2h') - (Date.now() - 7_200_000))).toBeLessThan(60_000)
    expect(readTime('2026-11-20')).toBe(new Date(2026, 10, 20).getTime())
    expect(readTime('2026-11-20 09:15')).toBe(new Date(2026, 10, 20, 9, 15).getTime())
    expect(readTime('2026-11-20T09:15:30Z')).toBe(Date.UTC(2026, 10, 20, 9, 15, 30))
    expect(readTime('2026-11-20T09:15:30+02:00')).toBe(Date.UTC(2026, 10, 20, 7, 15, 30))
  })

  it.each(['yesterday', '', '2026-13-40', '2026-11-20 9', '-5m', '5 minutes'])('%j is none', text => {
    expect(() => readTime(text)).toThrow(/is not a date: write for example 2026-11-20, .*2h or a jid\.$/)
  })
})

describe('one job of the cache', () => {
  it('may come a moment late where it has just begun', async () => {
    const jid = createJidSource()()
    let asked = 0
    const job = async () => (++asked < 3 ? null : ({ jid } as JobView))
    expect(await readJob({ job }, jid)).toEqual({ jid })
  })

  it('that is old and not there is said to be so at once', async () => {
    let asked = 0
    const job = async () => {
      asked++
      return null
    }
    await expect(readJob({ job }, '20200101000000000000')).rejects.toMatchObject({
      code: 'not_found',
      message: expect.stringContaining('no job 20200101000000000000 in the job cache'),
    })
    expect(asked).toBe(1)
  })
})
