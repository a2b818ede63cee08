import { describe, expect, it } from 'vitest'
import { state } from '../../src/functions/define.ts'
import { runSls } from './engine.ts'

const declared = (fun: string, ...args: Record<string, unknown>[]) => ({ [fun]: args })
const a = [{ it: 'a' }]
const FAILED_A = 'One or more requisite failed: web.a'

describe('require', () => {
  it('runs what is required first, and fails with it', async () => {
    const { by, calls } = await runSls({ b: declared('it.changes', { require: a }), a: declared('it.fails') })
    expect(calls).toEqual(['a'])
    expect(by('b')).toMatchObject({ result: false, changes: {}, comment: FAILED_A, __state_ran__: false })
  })

  it('names what is not found', async () => {
    const { by } = await runSls({ b: declared('it.stays', { require: [{ it: 'gone' }, { srv: 'x' }] }) })
    expect(by('b')).toMatchObject({
      result: false,
      comment: `The following requisites were not found:\n${' '.repeat(19)}require:\n${' '.repeat(23)}it: gone\n${' '.repeat(23)}srv: x\n`,
    })
  })

  it('of any is content with one', async () => {
    const sls = (other: string) => ({
      a: declared('it.fails'),
      c: declared(other),
      b: declared('it.stays', { require_any: [{ it: 'a' }, { it: 'c' }] }),
    })
    expect((await runSls(sls('it.stays'))).by('b')).toMatchObject({ result: true })
    expect((await runSls(sls('it.fails'))).by('b')).toMatchObject({
      result: false,
      comment: 'One or more requisite failed: web.a, web.c',
    })
  })

  it('is content with what would be changed', async () => {
    const { by } = await runSls({ a: declared('it.changes'), b: declared('it.stays', { require: a }) }, { test: true })
    expect(by('b')).toMatchObject({ result: true })
  })
})

describe('many states', () => {
  const many = (count: number, of: (at: number) => unknown) =>
    Object.fromEntries(Array.from({ length: count }, (_, at) => [`a${at}`, of(at)]))

  it('that failed are named up to a number that can be read', async () => {
    const sls = many(400, () => declared('it.fails'))
    const { by } = await runSls({ ...sls, b: declared('it.stays', { require: [{ it: 'a*' }] }) })
    expect(by('b')?.comment).toMatch(/^One or more requisite failed: (?:web\.a\d+, ){50}…$/)
  })

  it('may prepare for each other in one chain', async () => {
    const sls = many(4000, at => declared('it.changes', ...(at === 0 ? [] : [{ prereq: [{ it: `a${at - 1}` }] }])))
    const { calls } = await runSls(sls)
    expect(calls.filter(call => !call.endsWith('test')).slice(0, 2)).toEqual(['a3999', 'a3998'])
  })
})

describe('watch', () => {
  it('has a state act where what it watches has changed and it has not itself', async () => {
    const { by, calls } = await runSls({ a: declared('it.changes'), s: declared('srv.runs', { watch: a }) })
    expect(calls).toEqual(['a', 's', 's watch'])
    expect(by('s')).toMatchObject({ result: true, changes: { s: true }, comment: 'restarted' })
  })

  it.each([
    ['nothing has changed', 'it.stays', { change: false }, ['a', 's']],
    ['it has changed itself', 'it.changes', { change: true }, ['a', 's']],
    ['it failed itself', 'it.changes', { fail: true }, ['a', 's']],
    ['what it watches failed', 'it.fails', { change: false }, ['a']],
  ])('does not where %s', async (_when, fun, args, calls) => {
    const found = await runSls({ a: declared(fun), s: declared('srv.runs', args, { watch: a }) })
    expect(found.calls).toEqual(calls)
  })

  it('is no more than require of a function that has nothing to do then', async () => {
    const { by, calls } = await runSls({ a: declared('it.changes'), b: declared('it.stays', { watch: a }) })
    expect(calls).toEqual(['a', 'b'])
    expect(by('b')).toMatchObject({ result: true })
  })

  it('does not override a condition', async () => {
    const { calls } = await runSls(
      { a: declared('it.changes'), s: declared('srv.runs', { watch: a }, { onlyif: 'false' }) },
      { conditions: { call: async () => true, command: async () => 1 } },
    )
    expect(calls).toEqual(['a'])
  })

  it('says with test=True that it would act', async () => {
    const { by, calls } = await runSls(
      { a: declared('it.changes'), s: declared('srv.runs', { watch: a }) },
      { test: true },
    )
    expect(calls).toEqual(['a test', 's test', 's watch test'])
    expect(by('s')).toMatchObject({ result: null })
  })
})

describe('onchanges', () => {
  const NOT = 'State was not run because none of the onchanges reqs changed'
  it.each([
    ['runs where that has changed', 'it.changes', { result: true, comment: 'as it should be' }],
    ['does not where that has not', 'it.stays', { result: true, comment: NOT, __state_ran__: false }],
    ['fails where that failed', 'it.fails', { result: false, comment: FAILED_A }],
  ])('%s', async (_what, fun, result) => {
    const { by } = await runSls({ a: declared(fun), b: declared('it.stays', { onchanges: a }) })
    expect(by('b')).toMatchObject(result)
  })

  it('is content with one of several that has changed', async () => {
    const { by } = await runSls({
      a: declared('it.changes'),
      c: declared('it.stays'),
      b: declared('it.stays', { onchanges: [{ it: 'a' }, { it: 'c' }] }),
    })
    expect(by('b')).toMatchObject({ comment: 'as it should be' })
  })
})

describe('what would be changed, by a state that does not say what,', () => {
  const would = {
    'it.would': state({ doc: 'x', args: {}, extra: 'all', run: () => ({ result: null, changes: {}, comment: '' }) }),
  }
  it.each([
    ['onchanges', ['s test']],
    ['watch', ['s test', 's watch test']],
    ['listen', ['s test', 's watch test']],
  ])('counts for %s with test=True', async (kind, calls) => {
    const sls = { a: declared('it.would'), s: declared('srv.runs', { [kind]: a }) }
    expect((await runSls(sls, { test: true, functions: would })).calls).toEqual(calls)
  })
})

describe('onfail', () => {
  const NOT = 'State was not run because onfail req did not change'
  it.each([
    ['runs where that failed', 'it.fails', false, { comment: 'as it should be' }],
    ['does not where that did not', 'it.stays', false, { result: true, comment: NOT }],
    ['does not where that would be changed', 'it.changes', true, { result: true, comment: NOT }],
  ])('%s', async (_what, fun, test, result) => {
    const { by } = await runSls({ a: declared(fun), b: declared('it.stays', { onfail: a }) }, { test })
    expect(by('b')).toMatchObject(result)
  })

  it('of all waits for all to fail', async () => {
    const of = [{ it: 'a' }, { it: 'c' }]
    const one = { a: declared('it.fails'), c: declared('it.stays') }
    expect((await runSls({ ...one, b: declared('it.stays', { onfail_all: of }) })).by('b')).toMatchObject({
      comment: NOT,
    })
    expect((await runSls({ ...one, b: declared('it.stays', { onfail: of }) })).by('b')).toMatchObject({
      comment: 'as it should be',
    })
  })
})

describe('prereq', () => {
  it('runs a state before what it prepares for, where that would change', async () => {
    const { by, calls } = await runSls({ a: declared('it.changes'), p: declared('it.changes', { prereq: a }) })
    expect(calls).toEqual(['a test', 'p', 'a'])
    expect(by('p')).toMatchObject({ result: true, changes: { p: 'new' }, __run_num__: 0 })
    expect(by('a')).toMatchObject({ result: true, __run_num__: 1 })
  })

  it('does not where that would not', async () => {
    const { by, calls } = await runSls({ a: declared('it.stays'), p: declared('it.changes', { prereq: a }) })
    expect(calls).toEqual(['a test', 'a'])
    expect(by('p')).toMatchObject({ result: true, comment: 'No changes detected', changes: {} })
  })

  it('keeps what is prepared for from running where the preparation failed', async () => {
    const { by, calls } = await runSls({ a: declared('it.changes'), p: declared('it.fails', { prereq: a }) })
    expect(calls).toEqual(['a test', 'p'])
    expect(by('a')).toMatchObject({ result: false, changes: {}, comment: 'One or more requisite failed: web.p' })
  })

  it('fails where that would fail, and that shows its own failure', async () => {
    const { by } = await runSls({ a: declared('it.fails'), p: declared('it.changes', { prereq: a }) })
    expect(by('p')).toMatchObject({ result: false, comment: FAILED_A })
    expect(by('a')).toMatchObject({ result: false, comment: 'no' })
  })

  it('sees through a chain of preparations', async () => {
    const sls = (fun: string) => ({
      a: declared(fun),
      p: declared('it.changes', { prereq: a }),
      q: declared('it.changes', { prereq: [{ it: 'p' }] }),
    })
    expect((await runSls(sls('it.changes'))).calls.filter(call => !call.includes('test'))).toEqual(['q', 'p', 'a'])
    expect((await runSls(sls('it.stays'))).calls.filter(call => !call.includes('test'))).toEqual(['a'])
  })

  it('takes a state that would act on what it watches for one that would change', async () => {
    const { calls } = await runSls({
      w: declared('it.changes'),
      s: declared('srv.runs', { watch: [{ it: 'w' }] }),
      p: declared('it.changes', { prereq: [{ srv: 's' }] }),
    })
    expect(calls).toEqual(['w', 's test', 'p', 's', 's watch'])
  })

  it('says with test=True what both would do', async () => {
    const { by } = await runSls({ a: declared('it.changes'), p: declared('it.changes', { prereq: a }) }, { test: true })
    expect([by('p')?.result, by('a')?.result]).toEqual([null, null])
  })
})

describe('listen', () => {
  it('has a state act once at the end, under a result of its own', async () => {
    const { run, calls } = await runSls({
      s: declared('srv.runs', { listen: [{ it: 'a' }, { it: 'b' }] }),
      a: declared('it.changes'),
      b: declared('it.changes', { listen_in: [{ srv: 's' }] }),
    })
    expect(calls).toEqual(['s', 'a', 'b', 's watch'])
    expect(run['srv_|-listener_s_|-s_|-mod_watch']).toMatchObject({
      result: true,
      changes: { s: true },
      __id__: 'listener_s',
      __run_num__: 3,
    })
  })

  it('does nothing where nothing has changed', async () => {
    const { calls } = await runSls({ s: declared('srv.runs', { listen: a }), a: declared('it.stays') })
    expect(calls).toEqual(['s', 'a'])
  })

  it('says what is listened to and is not there', async () => {
    const { run } = await runSls({ s: declared('srv.runs', { listen: [{ it: 'gone' }] }) })
    expect(run['Listen_Error_|-listen_gone_|-listen_it_|-Listen_Error']).toMatchObject({
      result: false,
      comment: 'Referenced state it: gone does not exist',
    })
  })

  it('fails where the function has nothing to do then', async () => {
    const { by } = await runSls({ b: declared('it.stays', { listen: a }), a: declared('it.changes') })
    expect(by('listener_b')).toMatchObject({
      result: false,
      comment: 'it.stays has nothing to do where something has changed: it cannot listen',
    })
  })
})
