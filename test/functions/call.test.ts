import { describe, expect, it } from 'vitest'
import { type Code, ReactorError } from '../../src/base/errors.ts'
import { callFunction } from '../../src/functions/call.ts'
import { runner } from '../../src/functions/define.ts'
import { createRegistry } from '../../src/functions/registry.ts'
import type { RunnerContext } from '../../src/functions/runner-context.ts'

/** The outcome of a function that does what `run` does. */
function outcomeOf(run: () => unknown, name = 'own.it', arg: unknown[] = []) {
  const registry = createRegistry('runner', new Map([['own.it', runner({ doc: 'x', run })]]))
  return callFunction(registry, name, arg, {}, {} as RunnerContext)
}
const throwing = (thrown: unknown) => () => {
  throw thrown
}

describe('the outcome of a function', () => {
  it('is its value, and null where it returned nothing', async () => {
    expect(await outcomeOf(async () => 5)).toEqual({ ok: true, value: 5 })
    expect(await outcomeOf(() => undefined)).toEqual({ ok: true, value: null })
  })

  it.each<Code>(['no_minions', 'bad_argument', 'unknown_function', 'outcome_unknown', 'forbidden'])(
    'keeps the code %s, which says what is wrong with the call',
    async code => {
      expect(await outcomeOf(throwing(new ReactorError(code, 'as it is')))).toEqual({
        ok: false,
        code,
        message: 'as it is',
      })
    },
  )

  it('keeps unreachable, which says that something is away and that another try may do', async () => {
    expect(await outcomeOf(throwing(new ReactorError('unreachable', 'db1 is down')))).toEqual({
      ok: false,
      code: 'unreachable',
      message: 'db1 is down',
    })
  })

  it.each<Code>(['store_refused', 'timeout'])('is a failure of the function where it met %s on its way', async code => {
    expect(await outcomeOf(throwing(new ReactorError(code, 'db1 is full')))).toEqual({
      ok: false,
      code: 'function_failed',
      message: 'db1 is full',
    })
  })

  it('says so where the function was stopped', async () => {
    const aborted = AbortSignal.abort().reason
    expect(await outcomeOf(throwing(aborted))).toEqual({
      ok: false,
      code: 'function_failed',
      message: 'the job was stopped before it was done',
    })
  })

  it('has the stack of an exception, and none of what is no exception', async () => {
    expect(await outcomeOf(throwing(new TypeError('x is not a function')))).toMatchObject({
      ok: false,
      code: 'function_failed',
      message: 'x is not a function',
      stack: expect.stringContaining('call.test.ts'),
    })
    expect(await outcomeOf(throwing('just words'))).toEqual({
      ok: false,
      code: 'function_failed',
      message: 'just words',
    })
  })

  it('is a refusal where the function is not there, or its arguments do not fit', async () => {
    expect(await outcomeOf(() => 1, 'own.is')).toMatchObject({ ok: false, code: 'unknown_function' })
    expect(await outcomeOf(() => 1, 'own.it', ['surplus'])).toMatchObject({ ok: false, code: 'bad_argument' })
  })
})
