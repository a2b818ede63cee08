import { expect, it } from 'vitest'
import { isJobMessage } from '../../src/minion/held.ts'
import { createOwnJobs } from '../../src/minion/own-job.ts'

it('a job that a minion makes for itself is a job as any other, for itself alone and under a jid of its own', () => {
  const now = Date.UTC(2026, 10, 20, 9, 18, 20)
  const newJob = createOwnJobs('web1', () => now)
  const call = { fun: 'test.echo', arg: ['a'], kwarg: { b: 1 }, user: 'minion' }
  const [first, second] = [newJob(call, 60_000), newJob(call, 60_000)]
  expect(isJobMessage(first)).toBe(true)
  expect(first).toMatchObject({ ...call, tgt: 'web1', key: first.jid, hops: 0, deadline: now, run_until: now + 60_000 })
  expect(second.jid > first.jid).toBe(true)
})
