import { describe, expect, it } from 'vitest'
import { createStanding } from '../../src/call/standing.ts'
import type { JobView } from '../../src/protocol/job-view.ts'

const TIMES = { deadline: 1000, runUntil: 5000 }

function standing(...minions: string[]) {
  const made = createStanding()
  made.expect(minions, TIMES)
  return made
}

describe('where a job stands', () => {
  it('follows from how it was sent', () => {
    const job = standing('a', 'b', 'c', 'd')
    expect(job.waits).toBe(false)
    job.sent({ offline: ['a'], refused: { b: 'too busy' }, waiting: ['c'] })
    expect(['a', 'b', 'c', 'd'].map(id => job.stateOf(id, 0))).toEqual(['offline', 'failed', 'accepted', 'running'])
    expect(job.counts(0)).toEqual({ offline: 1, failed: 1, accepted: 1, running: 1 })
    expect(job.open(0)).toEqual(['c', 'd'])
    expect(job.refused.get('b')).toBe('too busy')
    expect(job.waits).toBe(true)
  })

  it('keeps a return that came before the answer to the publish', () => {
    const job = standing('a', 'b')
    expect(job.ended('a', 'returned')).toBe(true)
    job.sent({ offline: [], refused: {}, waiting: [] })
    expect(job.open(0)).toEqual(['b'])
    expect(job.stateOf('a', 0)).toBe('returned')
  })

  it('takes the first outcome of each minion that the job is for, and none of others', () => {
    const job = standing('a')
    expect(job.ended('a', 'died')).toBe(true)
    expect(job.ended('a', 'returned')).toBe(false)
    expect(job.ended('evil', 'returned')).toBe(false)
    expect(job.counts(0)).toEqual({ died: 1 })
    expect(createStanding().ended('a', 'returned')).toBe(false)
  })

  it('waits for one that was away and has started since', () => {
    const job = standing('a')
    job.sent({ offline: ['a'], refused: {}, waiting: [] })
    expect(job.waits).toBe(false)
    job.started('a')
    expect([job.waits, job.stateOf('a', 0)]).toEqual([true, 'running'])
  })

  it('does not wait for who is lost, until it is found or says something', () => {
    const job = standing('a', 'b', 'c')
    job.sent({ offline: [], refused: {}, waiting: ['c'] })
    job.lost(['a', 'c', 'stranger'])
    expect([job.waits, job.nextClose(0), job.open(0)]).toEqual([true, 5000, ['a', 'b', 'c']])
    expect(['a', 'b', 'c'].map(job.isLost)).toEqual([true, false, true])
    expect([...job.gone]).toEqual(['a', 'c'])
    job.ended('b', 'returned')
    expect([job.waits, job.nextClose(0), job.open(0)]).toEqual([false, undefined, ['a', 'c']])
    job.found(['a'])
    expect([job.waits, job.nextClose(0), job.isLost('a')]).toEqual([true, 5000, false])
    job.ended('a', 'died')
    expect(job.ended('c', 'returned')).toBe(true)
    expect([job.waits, job.open(0), job.gone.size]).toEqual([false, [], 0])
  })

  it('knows who was lost before it was known that it took the job', () => {
    const job = standing('a')
    job.lost(['a'])
    job.sent({ offline: [], refused: {}, waiting: ['a'] })
    expect([job.waits, job.open(0)]).toEqual([false, ['a']])
  })

  it('closes by its times: one that waits at the deadline, one that runs when its time is over', () => {
    const job = standing('a', 'b')
    job.sent({ offline: [], refused: {}, waiting: ['a'] })
    expect(job.nextClose(0)).toBe(1000)
    expect(job.open(1001)).toEqual(['b'])
    expect(job.nextClose(1001)).toBe(5000)
    expect(job.open(5001)).toEqual([])
    expect(job.nextClose(5001)).toBeUndefined()
    expect(job.counts(5001)).toEqual({ timed_out: 2 })
    expect(job.hasEnded('a')).toBe(false)
  })

  it('closes for those that are away, where they count, at the deadline', () => {
    const job = standing('a', 'b')
    job.sent({ offline: ['a'], refused: {}, waiting: [] })
    expect([job.nextClose(0), job.nextClose(0, { offline: true })]).toEqual([5000, 1000])
    job.ended('b', 'returned')
    expect([job.nextClose(0), job.nextClose(0, { offline: true })]).toEqual([undefined, 1000])
    expect(job.nextClose(1001, { offline: true })).toBeUndefined()
  })
})

describe('what the job cache says of it', () => {
  const view = (more: Partial<JobView>): JobView => ({
    jid: '20261120091820837210',
    kind: 'local',
    fun: 'test.ping',
    arg: [],
    tgt: '*',
    tgt_type: 'glob',
    user: 'root',
    start: 0,
    deadline: 1000,
    run_until: 5000,
    minions: ['a', 'b'],
    missing: [],
    counts: {},
    active: true,
    states: {},
    reasons: {},
    returns: {},
    ...more,
  })

  it('is taken over', () => {
    const job = createStanding()
    const returned = { return: 1, retcode: 1, success: false, at: 5 }
    job.view(
      view({
        minions: ['a', 'b', 'c', 'd', 'e'],
        states: { a: 'offline', b: 'accepted', c: 'failed', d: 'failed', e: 'timed_out' },
        reasons: { c: 'no' },
        returns: { d: returned },
      }),
    )
    expect(job.counts(0)).toMatchObject({ offline: 1, accepted: 1, failed: 2 })
    expect(job.refused.get('c')).toBe('no')
    expect(job.stateOf('e', 6000)).toBe('timed_out')
  })

  it('does not undo what is known here already', () => {
    const job = createStanding()
    job.view(view({ states: { a: 'running', b: 'running' } }))
    job.ended('a', 'returned')
    job.view(view({ states: { a: 'running', b: 'accepted' } }))
    expect([job.stateOf('a', 0), job.stateOf('b', 0)]).toEqual(['returned', 'running'])
  })
})
