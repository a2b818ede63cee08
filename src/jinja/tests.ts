// `value is test`: Jinja2's tests.
import type { Callable, Context } from './callable.ts'
import { compares } from './operators.ts'
import { matches } from './regex.ts'
import { integerOf, textOf } from './text.ts'
import { failure, isDict, isFloat, isMissing, numberOf, type Value } from './values.ts'

type Check = (value: Value, args: Value[], c: Context) => boolean

const simple = (run: (value: Value) => boolean): Callable<boolean> => ({ params: [], takesMissing: true, run })
const binary = (op: string): Callable<boolean> => ({
  params: ['other'],
  takesMissing: true,
  run: (value, [other], c) => compares(op, value, other, c),
})
const strict = (params: string[], run: Check): Callable<boolean> => ({
  params,
  run: (value, args, c) => run(value, args, c),
})
const isNumber = (value: Value) => typeof value !== 'boolean' && numberOf(value) !== undefined

export function divisible(value: Value, by: Value): boolean {
  const divisor = integerOf(by, 'the divisor')
  if (divisor === 0) throw failure('division by zero')
  return integerOf(value, 'the number') % divisor === 0
}

export const TESTS: Readonly<Record<string, Callable<boolean>>> = {
  defined: simple(value => !isMissing(value)),
  undefined: simple(isMissing),
  none: simple(value => value === null),
  boolean: simple(value => typeof value === 'boolean'),
  true: simple(value => value === true),
  false: simple(value => value === false),
  string: simple(value => typeof value === 'string'),
  number: simple(value => numberOf(value) !== undefined),
  integer: simple(value => isNumber(value) && !isFloat(value)),
  float: simple(value => isNumber(value) && isFloat(value)),
  mapping: simple(isDict),
  sequence: simple(value => typeof value === 'string' || Array.isArray(value) || isDict(value) || isMissing(value)),
  iterable: simple(value => typeof value === 'string' || Array.isArray(value) || isDict(value) || isMissing(value)),
  callable: simple(value => typeof value === 'function'),
  odd: strict([], value => Math.abs(integerOf(value, 'the number')) % 2 === 1),
  even: strict([], value => integerOf(value, 'the number') % 2 === 0),
  divisibleby: strict(['num'], (value, [by]) => divisible(value, by)),
  lower: strict([], value => isCased(textOf(value, 'the value'), 'toLowerCase')),
  upper: strict([], value => isCased(textOf(value, 'the value'), 'toUpperCase')),
  sameas: { params: ['other'], takesMissing: true, run: (value, [other]) => value === other },
  in: { params: ['seq'], takesMissing: true, run: (value, [container], c) => compares('in', value, container, c) },
  eq: binary('=='),
  equalto: binary('=='),
  '==': binary('=='),
  ne: binary('!='),
  '!=': binary('!='),
  lt: binary('<'),
  lessthan: binary('<'),
  '<': binary('<'),
  le: binary('<='),
  '<=': binary('<='),
  gt: binary('>'),
  greaterthan: binary('>'),
  '>': binary('>'),
  ge: binary('>='),
  '>=': binary('>='),
}

/** Of whole documents. */
export const DOCUMENT_TESTS: Readonly<Record<string, Callable<boolean>>> = {
  ...TESTS,
  match: matches,
  is_list: simple(Array.isArray),
  is_iter: simple(value => Array.isArray(value) || isDict(value)),
}

function isCased(text: string, method: 'toLowerCase' | 'toUpperCase'): boolean {
  return text === text[method]() && text.toLowerCase() !== text.toUpperCase()
}
