import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { state } from '../../src/functions/define.ts'
import type { Conditions } from '../../src/state/conditions.ts'
import { runSls } from './engine.ts'

const declared = (fun: string, ...args: Record<string, unknown>[]) => ({ [fun]: args })

/** Lines are return codes, or `throw`; functions give their first argument. */
const asked = () => {
  const lines: string[] = []
  const conditions: Conditions = {
    paths: true,
    call: async (_fun, args) => args[0],
    async command(line) {
      lines.push(line)
      if (line === 'throw') throw new Error('it did not start')
      return Number(line)
    },
  }
  return { lines, conditions }
}

const NOT_TRUE = 'onlyif condition is false'
const TRUE = 'unless condition is true'
const RAN = 'as it should be'

describe('a condition of a state', () => {
  it.each([
    ['runs where all of onlyif hold', { onlyif: ['0', '0'] }, RAN],
    ['does not where one of onlyif does not', { onlyif: ['0', '1', '0'] }, NOT_TRUE],
    ['runs where one of unless does not hold', { unless: ['0', '1'] }, RAN],
    ['does not where all of unless hold', { unless: '0' }, TRUE],
    ['asks functions', { onlyif: [{ fun: 'x.y', args: [{ a: ['', 'yes'] }], get_return: 'a:1' }] }, RAN],
    ['takes an empty answer for no', { onlyif: { fun: 'x.y', args: [{}] } }, NOT_TRUE],
    ['takes what is not in the answer for no', { unless: { fun: 'x.y', args: [{ a: 1 }], get_return: 'b:c' } }, RAN],
    ['takes True and False as they are', { onlyif: true, unless: false }, RAN],
    ['does not where what it creates is there', { creates: '/' }, '/ exists'],
    ['does not where all that it creates is there', { creates: ['/', '/tmp'] }, 'All files in creates exist'],
    ['runs where a part of what it creates is not', { creates: ['/', '/nowhere/x'] }, RAN],
  ])('%s', async (_what, words, comment) => {
    const { by } = await runSls({ a: declared('it.stays', words) }, { conditions: asked().conditions })
    expect(by('a')).toMatchObject({ result: true, comment })
    expect(by('a')?.skip_watch).toBe(comment === RAN ? undefined : true)
  })

  it.each([
    ['is empty', { onlyif: [] }, 'onlyif is empty: give it a command'],
    ['names no function', { unless: { args: [] } }, `unless: {"args":[]} has no 'fun', the function to ask`],
    ['is neither', { unless: [3] }, `unless: 3 is no command and no map with the function to ask ('fun')`],
    ['cannot be asked', { onlyif: 'throw' }, 'it did not start'],
    ['is no absolute path', { creates: 'x' }, 'creates: "x" is no absolute path'],
  ])('that %s is a failed result', async (_what, words, comment) => {
    const { by } = await runSls({ a: declared('it.stays', words) }, { conditions: asked().conditions })
    expect(by('a')).toMatchObject({ result: false, comment })
  })

  it('is refused where it cannot be asked', async () => {
    const { by } = await runSls({ a: declared('it.stays', { unless: '0' }) })
    expect(by('a')).toMatchObject({ result: false, comment: 'unless with a command is not supported here' })
  })

  it('is the own matter of a function that has it as an argument', async () => {
    const { lines, conditions } = asked()
    const functions = {
      'own.checks': state({
        doc: 'x',
        args: { onlyif: z.string().describe('x') },
        extra: 'all',
        run: ({ onlyif }) => ({ result: true, changes: {}, comment: onlyif }),
      }),
    }
    const { by } = await runSls({ a: declared('own.checks', { onlyif: '1' }) }, { conditions, functions })
    expect(by('a')).toMatchObject({ comment: '1' })
    expect(lines).toEqual([])
  })

  it('check_cmd decides about a state that ran, but not with test=True', async () => {
    const sls = { a: declared('it.changes', { check_cmd: '1' }), b: declared('it.fails', { check_cmd: '0' }) }
    const { by } = await runSls(sls, { conditions: asked().conditions })
    expect(by('a')).toMatchObject({
      result: false,
      changes: { a: 'new' },
      comment: 'check_cmd determined the state failed',
    })
    expect(by('b')).toMatchObject({ result: true, comment: 'check_cmd determined the state succeeded' })
    const dry = asked()
    const would = await runSls(sls, { test: true, conditions: dry.conditions })
    expect(would.by('a')).toMatchObject({ result: null })
    expect(dry.lines).toEqual([])
  })
})

describe('retry', () => {
  /** Fails so many times. */
  const flaky = (failures: number) => {
    let calls = 0
    return {
      'own.flaky': state({
        doc: 'x',
        args: {},
        extra: 'all',
        run: () => ({ result: ++calls > failures, changes: {}, comment: `call ${calls}` }),
      }),
    }
  }
  const retry = (words: unknown) => ({ a: declared('own.flaky', { retry: words }) })
  const said = (n: number) => `Attempt ${n}: Returned a result of "False", with the following comment: "call ${n}"`

  it('calls a state again until it gives the result that is wanted', async () => {
    const { by } = await runSls(retry({ attempts: 5, interval: 0 }), { functions: flaky(2) })
    expect(by('a')).toMatchObject({ result: true, comment: `${said(1)}\n${said(2)}\ncall 3` })
  })

  it('ends with its attempts', async () => {
    const { by } = await runSls(retry({ attempts: 2, interval: 0 }), { functions: flaky(9) })
    expect(by('a')).toMatchObject({ result: false, comment: `${said(1)}\ncall 2` })
  })

  it('is only said with test=True', async () => {
    const { by } = await runSls(retry(true), { functions: flaky(9), test: true })
    expect(by('a')?.comment).toBe(
      'call 1  The state would be retried every 30 seconds (with a splay of up to 0 seconds) a maximum of 2 times or until a result of True is returned',
    )
  })

  it('ends with the job', async () => {
    const stop = new AbortController()
    const functions = {
      'own.flaky': state({
        doc: 'x',
        args: {},
        extra: 'all',
        run: () => {
          setImmediate(() => stop.abort())
          return { result: false, changes: {}, comment: '' }
        },
      }),
    }
    const { by } = await runSls(retry({ interval: 80_000 }), { functions, signal: stop.signal })
    expect(by('a')).toMatchObject({ result: false })
  })

  it.each([
    ['a text', 'often', 'retry is "often": give True, or a map of until, attempts, interval, splay'],
    ['an unknown key', { attempt: 3 }, /^retry has no key 'attempt': .* Did you mean 'attempts'\?$/],
    ['no attempt', { attempts: 0 }, 'retry attempts is 0, not a number from 1 to 86400'],
    ['a result that there is not', { until: 'yes' }, 'retry until is "yes", not True or False'],
  ])('of %s is a failed result', async (_what, words, comment) => {
    const { by } = await runSls(retry(words), { functions: flaky(0) })
    expect(by('a')).toMatchObject({
      result: false,
      comment: typeof comment === 'string' ? comment : expect.stringMatching(comment),
    })
  })
})
