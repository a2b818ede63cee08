import { expect, it } from 'vitest'
import { joinArgs, saltArgs, splitArgs } from '../../src/protocol/salt-args.ts'

it('named arguments stand in a marked map behind the others', () => {
  const joined = ['a', 1, { __kwarg__: true, b: 2 }]
  expect(joinArgs(['a', 1], { b: 2 })).toEqual(joined)
  expect(splitArgs(joined)).toEqual({ arg: ['a', 1], kwarg: { b: 2 } })
  expect(splitArgs([{ __kwarg__: true }])).toEqual({ arg: [], kwarg: {} })
})

it('there is no map where nothing is named', () => {
  expect(joinArgs(['a'], {})).toEqual(['a'])
  expect(splitArgs([])).toEqual({ arg: [], kwarg: {} })
})

it.each([
  ['is not marked', [{ b: 2 }]],
  ['is marked with something else', [{ __kwarg__: 'yes', b: 2 }]],
  ['is not the last', [{ __kwarg__: true, b: 2 }, 'a']],
  ['is null', [null]],
])('what %s is a positional argument', (_what, args) => {
  expect(splitArgs(args)).toEqual({ arg: args, kwarg: {} })
})

it('events tell no secrets', () => {
  expect(JSON.stringify(saltArgs(['a'], { password: 'hunter2' }))).not.toContain('hunter2')
  expect(saltArgs(['a'], { b: 2 })).toEqual(['a', { __kwarg__: true, b: 2 }])
})
