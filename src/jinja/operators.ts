// Python's operators on template values. Results that Python would keep exact and JavaScript cannot are refused.
import { keyOf } from './attributes.ts'
import type { Context } from './callable.ts'
import { formatPercent } from './format.ts'
import { printText } from './print.ts'
import {
  compare,
  equal,
  failure,
  float,
  isDict,
  isFloat,
  isMissing,
  isTuple,
  membersOf,
  need,
  numberOf,
  tolerate,
  tuple,
  typeName,
  type Value,
} from './values.ts'

export function binary(op: string, left: Value, right: Value, c: Context): Value {
  need(left)
  need(right)
  if (op === '~') return concat(printText(left, c.budget), printText(right, c.budget), c)
  if (op === '%' && typeof left === 'string') return formatPercent(left, right, c)
  const [a, b] = [numberOf(left), numberOf(right)]
  if (a !== undefined && b !== undefined) return arithmetic(op, a, b, isFloat(left) || isFloat(right))
  if (op === '+' && typeof left === 'string' && typeof right === 'string') return concat(left, right, c)
  if (op === '+' && Array.isArray(left) && Array.isArray(right) && isTuple(left) === isTuple(right)) {
    c.budget.spend(left.length + right.length)
    return sameKind(left, [...left, ...right])
  }
  if (op === '*') {
    if (typeof left === 'string' || Array.isArray(left)) return repeat(left, b, c)
    if (typeof right === 'string' || Array.isArray(right)) return repeat(right, a, c)
  }
  throw failure(`'${op}' does not work on ${typeName(left)} and ${typeName(right)}`)
}

function concat(a: string, b: string, c: Context): string {
  c.budget.spend(1, a.length + b.length)
  return a + b
}

function repeat(value: string | Value[], times: number | undefined, c: Context): Value {
  if (times === undefined || !Number.isInteger(times)) throw failure(`${typeName(value)} is repeated by a whole number`)
  const count = Math.max(0, times)
  if (typeof value === 'string') {
    c.budget.spend(1, count * value.length)
    return value.repeat(count)
  }
  c.budget.spend(count * value.length)
  return sameKind(value, Array.from({ length: count }, () => value).flat(1))
}

function sameKind(like: Value[], items: Value[]): Value[] {
  return isTuple(like) ? tuple(items) : items
}

function arithmetic(op: string, a: number, b: number, anyFloat: boolean): Value {
  if ((op === '/' || op === '//' || op === '%') && b === 0) throw failure('division by zero')
  if (op === '/') return checked(a / b, true)
  if (op === '//') return checked(Math.floor(a / b), anyFloat)
  if (op === '%') return checked(((a % b) + b) % b, anyFloat)
  if (op === '**') {
    if (a === 0 && b < 0) throw failure('division by zero')
    return checked(a ** b, anyFloat || b < 0)
  }
  return checked(op === '+' ? a + b : op === '-' ? a - b : a * b, anyFloat)
}

function checked(value: number, asFloat: boolean): Value {
  if (!Number.isFinite(value)) throw failure('the result is too large, or no real number')
  if (asFloat) return float(value)
  if (!Number.isSafeInteger(value)) throw failure('the result is a whole number too large to stay exact')
  return value + 0
}

export function negate(value: Value, op: '-' | '+'): Value {
  const number = numberOf(need(value))
  if (number === undefined) throw failure(`'${op}' does not work on ${typeName(value)}`)
  const result = op === '-' ? -number : number
  return isFloat(value) ? float(result) : result + 0
}

export function compares(op: string, left: Value, right: Value, c: Context): boolean {
  if (op === '==') return equal(left, right, c.budget)
  if (op === '!=') return !equal(left, right, c.budget)
  if (op === 'in') return contains(right, left, c)
  if (op === 'not in') return !contains(right, left, c)
  const order = compare(left, right, c.budget)
  return op === '<' ? order < 0 : op === '<=' ? order <= 0 : op === '>' ? order > 0 : order >= 0
}

function contains(container: Value, value: Value, c: Context): boolean {
  if (isMissing(container)) {
    tolerate(container)
    return false
  }
  if (Array.isArray(container)) return container.some(one => equal(one, value, c.budget))
  if (isDict(container)) {
    const key = keyOf(value, c)
    return key !== undefined && Object.hasOwn(container, key)
  }
  const members = c.documents && membersOf(container)
  if (members) return typeof value === 'string' && members.has(value)
  if (typeof container !== 'string') throw failure(`'in' does not work on ${typeName(container)}`)
  if (typeof need(value) !== 'string') throw failure(`'in' on text needs text, got ${typeName(value)}`)
  c.budget.spend(1)
  return container.includes(value as string)
}
