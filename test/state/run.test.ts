import { describe, expect, it } from 'vitest'
import { state } from '../../src/functions/define.ts'
import type { OfAState } from '../../src/functions/state-context.ts'
import type { StateOver } from '../../src/state/run.ts'
import { runSls } from './engine.ts'

const declared = (fun: string, ...args: Record<string, unknown>[]) => ({ [fun]: args })

const circle = () => {
  const round: Record<string, unknown> = {}
  round.round = round
  return round
}
const deep = (levels: number): Record<string, unknown> => (levels === 0 ? {} : { next: deep(levels - 1) })

describe('a run', () => {
  it("calls states in their order and gives each a result in Salt's shape", async () => {
    const { run, calls } = await runSls({ a: declared('it.changes'), b: declared('it.stays', { name: 'bee' }) })
    expect(calls).toEqual(['a', 'bee'])
    expect(run).toEqual({
      'it_|-a_|-a_|-changes': {
        ...{ name: 'a', result: true, changes: { a: 'new' }, comment: 'changed' },
        ...{ __id__: 'a', __sls__: 'web', __run_num__: 0 },
        start_time: expect.stringMatching(/^\d\d:\d\d:\d\d\.\d{6}$/),
        duration: expect.any(Number),
      },
      'it_|-b_|-bee_|-stays': expect.objectContaining({ name: 'bee', __id__: 'b', __run_num__: 1 }),
    })
  })

  it('takes what a state throws for its failed result, and goes on', async () => {
    const { by } = await runSls({ a: declared('it.throws'), b: declared('it.stays') })
    expect(by('a')).toMatchObject({ result: false, changes: {}, comment: 'it broke' })
    expect(by('b')).toMatchObject({ result: true })
  })

  it.each([
    ['nothing', undefined, 'it returned undefined'],
    ['a text', 'done', 'it returned "done"'],
    ['no result', { changes: {}, comment: '' }, 'result is undefined, not true, false or null'],
    ['a list of changes', { result: true, changes: [], comment: '' }, 'changes is [], not a map'],
    ['a comment that is no text', { result: true, changes: {}, comment: 1 }, 'comment is 1, not a text'],
    ['a circle', { result: true, changes: circle(), comment: '' }, /^.*: changes holds what is no JSON/],
    ['a circle that is all', circle(), /^.*: result is undefined/],
    ['changes that are no JSON', { result: true, changes: { a: [10n] }, comment: '' }, /^.*: changes holds what/],
    ['changes that nobody reads', { result: true, changes: deep(600), comment: '' }, /^.*: changes holds what/],
    ['a number that is no JSON', 10n, 'it returned a bigint that is no JSON'],
  ])('says what is wrong where a state returns %s', async (_what, value, words) => {
    const { by } = await runSls(
      { a: declared('own.returns') },
      { functions: { 'own.returns': state({ doc: 'x', args: {}, extra: 'all', run: () => value }) } },
    )
    expect(by('a')).toMatchObject({
      result: false,
      comment:
        typeof words === 'string'
          ? `own.returns does not return what a state function returns, {result, changes, comment}: ${words}`
          : expect.stringMatching(words),
    })
  })

  it('fails a state whose arguments do not fit, by itself', async () => {
    const { by } = await runSls({ a: declared('it.stays', { colour: 'red' }), b: declared('it.stays') })
    expect(by('a')).toMatchObject({ result: false, comment: expect.stringContaining("no argument 'colour'") })
    expect(by('b')).toMatchObject({ result: true })
  })

  it('changes nothing with test=True', async () => {
    const { by, calls } = await runSls({ a: declared('it.changes') }, { test: true })
    expect(calls).toEqual(['a test'])
    expect(by('a')).toMatchObject({ result: null })
  })

  it('ends with a state that fails where that says failhard, but not with test=True', async () => {
    const sls = { a: declared('it.fails', { failhard: true }), b: declared('it.stays') }
    expect((await runSls(sls)).calls).toEqual(['a'])
    expect((await runSls(sls, { test: true })).calls).toEqual(['a test', 'b test'])
    const all = { a: declared('it.fails'), b: declared('it.stays') }
    expect((await runSls(all, { failhard: true })).calls).toEqual(['a'])
  })

  it('begins no further state once it is aborted', async () => {
    const stop = new AbortController()
    const functions = {
      'own.stops': state({
        doc: 'x',
        args: {},
        extra: 'all',
        run: () => {
          stop.abort()
          return { result: true, changes: {}, comment: '' }
        },
      }),
    }
    const { run } = await runSls(
      { a: declared('own.stops'), b: declared('it.stays') },
      { functions, signal: stop.signal },
    )
    expect(Object.keys(run)).toEqual(['own_|-a_|-a_|-stops'])
  })

  it('tells of each state once it is over', async () => {
    const over: StateOver[] = []
    await runSls({ a: declared('it.changes'), b: declared('it.stays') }, { onResult: one => over.push(one) })
    expect(over.map(({ tag, len, result }) => [tag, len, result.__run_num__])).toEqual([
      ['it_|-a_|-a_|-changes', 2, 0],
      ['it_|-b_|-b_|-stays', 2, 1],
    ])
  })

  it('tells a state what it requires', async () => {
    let seen: OfAState['state'] | undefined
    const functions = {
      'own.looks': state({
        doc: 'x',
        args: {},
        extra: 'all',
        run: (_args, context) => {
          seen = context.state
          return { result: true, changes: {}, comment: '' }
        },
      }),
    }
    await runSls(
      { a: declared('it.changes', { check_me: 1 }), b: declared('own.looks', { require: [{ it: 'a' }] }) },
      { functions },
    )
    expect(seen).toEqual({
      ...{ id: 'b', sls: 'web', saltenv: 'base', fun: 'own.looks' },
      required: [{ fun: 'it.changes', name: 'a', args: { name: 'a', check_me: 1 } }],
    })
  })
})
