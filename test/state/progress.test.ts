import { describe, expect, it } from 'vitest'
import type { StateResult } from '../../src/functions/states.ts'
import { jobProgress } from '../../src/protocol/catalogue/jobs.ts'
import { bounded, createProgress } from '../../src/state/progress.ts'
import type { StateOver } from '../../src/state/run.ts'
import { keptLog } from '../helpers/core.ts'

const result = (more: Partial<StateResult> = {}): StateResult => ({
  ...{ name: 'a', result: true, changes: {}, comment: '', __id__: 'a', __sls__: 'web', __run_num__: 4 },
  ...{ start_time: '', duration: 1 },
  ...more,
})
const over = (words: Record<string, unknown> = {}): StateOver => ({
  tag: 'it_|-a_|-a_|-stays',
  result: result(),
  chunk: { state: 'it', fun: 'stays', name: 'a', __id__: 'a', __sls__: 'web', __env__: 'base', order: 1, ...words },
  len: 9,
})

/** The tags that are fired. */
const tagsOf = async (every: boolean, ...states: StateOver[]) => {
  const tags: string[] = []
  const fire = async (tag: string) => void tags.push(tag)
  const progress = createProgress({ id: 'web1', jid: '1', progress: jobProgress, every, fire, log: keptLog().log })
  for (const one of states) progress.over(one)
  await progress.said()
  return tags
}

describe('the progress of a state run', () => {
  it('is told of each state, or of those alone that ask for it', async () => {
    const states = [over(), over({ fire_event: true }), over({ fire_event: 'web/up' })]
    expect(await tagsOf(true, ...states)).toEqual([
      'salt/job/1/prog/web1/4',
      'salt/state_result/1/web1/a',
      'salt/state_result/1/web1/web/up',
    ])
    expect(await tagsOf(false, ...states)).toHaveLength(2)
  })

  it('that cannot be said does not fail the run', async () => {
    const { log, lines } = keptLog()
    const fire = () => Promise.reject(new Error('full'))
    const progress = createProgress({ id: 'web1', jid: '1', progress: jobProgress, every: true, fire, log })
    progress.over(over())
    await progress.said()
    expect(lines.items).toContainEqual(expect.objectContaining({ error: 'full' }))
  })

  it('holds no more of large changes than an event may', () => {
    const long = 'x'.repeat(100_000)
    expect(bounded(result({ changes: { diff: long } })).changes.diff).toHaveLength(4096)
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`file${n}`, long]))
    expect(JSON.stringify(bounded(result({ changes: many, comment: long }))).length).toBeLessThan(40_000)
    expect(bounded(result({ changes: { a: 1 } }))).toEqual(result({ changes: { a: 1 } }))
  })
})
