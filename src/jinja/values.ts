// Python's view of JSON values: truth, equality, order, printed form. Undefined, whole floats and namespaces have
// shapes of their own; a method is a JS function, which event data can never hold.
import { ReactorError } from '../base/errors.ts'
import { isObject } from '../base/json.ts'

const UNDEFINED = Symbol('undefined')
const EMPTY = Symbol('empty')
const STRICT = Symbol('strict')
const FLOAT = Symbol('float')
const TUPLE = Symbol('tuple')
const NAMESPACE = Symbol('namespace')
/** What calling a dict does: `loop(…)` of a recursive loop. */
export const CALL = Symbol('call')

export type Value = unknown
export type Named = Record<string, Value>
export type Method = (args: Value[], named: Named) => Value
export type Dict = Record<string, Value>

/** Counts what a rendering makes, and ends it when that is too much. */
export interface Budget {
  /** Charges steps of work (list elements, loop rounds, visited values) and characters made. Throws `template`. */
  spend(steps: number, characters?: number): void
}

/** The most that a rendering may do and make. */
export interface Limits {
  steps: number
  characters: number
}
export const RULE_LIMITS: Limits = { steps: 100_000, characters: 4_000_000 }

export function createBudget(most: Limits = RULE_LIMITS): Budget {
  let steps = 0
  let characters = 0
  return {
    spend(moreSteps, moreCharacters = 0) {
      steps += moreSteps
      characters += moreCharacters
      if (!(steps <= most.steps)) throw failure(`the template does more than ${most.steps} steps`)
      if (!(characters <= most.characters)) throw failure(`the template makes more than ${most.characters} characters`)
    },
  }
}

export function failure(message: string): ReactorError {
  return new ReactorError('template', message)
}

/** `what` says which expression had no value. */
export const missing = (what: string): Value => ({ [UNDEFINED]: what })
/** Jinja2's StrictUndefined: it may be asked for with `is defined` and `default`, anything else is an error. */
export const strictMissing = (what: string): Value => ({ [UNDEFINED]: what, [STRICT]: true })
/** What an inline `if` without `else` gives: undefined, but as text it is empty, as everywhere in Jinja2. */
export const nothing = (what: string): Value => ({ [UNDEFINED]: what, [EMPTY]: true })
export const isNothing = (value: Value): boolean => isMissing(value) && EMPTY in (value as object)
export const isMissing = (value: Value): boolean => typeof value === 'object' && value !== null && UNDEFINED in value

/** The value, or a `template` error when there is none. */
export function need(value: Value): Value {
  if (!isMissing(value)) return value
  const what = (value as { [UNDEFINED]: string })[UNDEFINED]
  throw new ReactorError('template', `${what} is undefined`, { undefined: what })
}

/** Throws `template` where no value is an error even as nothing: as false, as an empty list, compared. */
export function tolerate(value: Value): void {
  if (STRICT in (value as object)) need(value)
}

/** A float: JSON's numbers tell 5 from 5.0 by this shape alone. */
export const float = (value: number): Value => (Number.isInteger(value) ? { [FLOAT]: value } : value)
export const isFloat = (value: Value): boolean =>
  typeof value === 'number' ? !Number.isInteger(value) : typeof value === 'object' && value !== null && FLOAT in value

/** The number in a number or bool, or undefined. */
export function numberOf(value: Value): number | undefined {
  if (typeof value === 'number') return value
  if (typeof value === 'boolean') return Number(value)
  return typeof value === 'object' && value !== null && FLOAT in value
    ? (value as unknown as { [FLOAT]: number })[FLOAT]
    : undefined
}

export function tuple(items: Value[]): Value[] {
  return Object.assign(items, { [TUPLE]: true })
}
export const isTuple = (value: Value): boolean => Array.isArray(value) && TUPLE in value
export const isDict = (value: Value): value is Dict =>
  isObject(value) && !(UNDEFINED in value) && !(FLOAT in value) && !(NAMESPACE in value)

export function typeName(value: Value): string {
  if (isMissing(value)) return 'undefined'
  if (value === null) return 'none'
  if (typeof value === 'boolean') return 'bool'
  if (numberOf(value) !== undefined) return isFloat(value) ? 'float' : 'int'
  if (typeof value === 'string') return 'string'
  if (typeof value === 'function') return 'method'
  return Array.isArray(value) ? (isTuple(value) ? 'tuple' : 'list') : isDict(value) ? 'dict' : 'namespace'
}

export function truthy(value: Value): boolean {
  if (typeof value !== 'object' || value === null) return Boolean(value)
  if (Array.isArray(value)) return value.length > 0
  if (isMissing(value)) {
    tolerate(value)
    return false
  }
  if (isDict(value)) {
    for (const _ in value) return true
    return false
  }
  return numberOf(value) !== 0
}

export function equal(a: Value, b: Value, budget: Budget): boolean {
  budget.spend(1)
  if (isMissing(a) || isMissing(b)) {
    for (const one of [a, b]) if (isMissing(one)) tolerate(one)
    return isMissing(a) && isMissing(b)
  }
  const x = numberOf(a)
  if (x !== undefined) return x === numberOf(b)
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && isTuple(a) === isTuple(b) && a.every((item, i) => equal(item, b[i], budget))
  if (!isDict(a) || !isDict(b)) return a === b
  const keys = Object.keys(a)
  return (
    keys.length === Object.keys(b).length && keys.every(key => Object.hasOwn(b, key) && equal(a[key], b[key], budget))
  )
}

/** Members by name that are no dict: what `namespace()` holds, or the functions of `salt`. */
export type Members = Pick<Map<string, Value>, 'has' | 'get' | 'set'>
export const withMembers = (members: Members): Value => ({ [NAMESPACE]: members })
export function membersOf(value: Value): Members | undefined {
  if (typeof value !== 'object' || value === null || !(NAMESPACE in value)) return undefined
  return (value as unknown as { [NAMESPACE]: Members })[NAMESPACE]
}

/** Negative, zero or positive, as Python orders numbers, strings, lists. Throws `template` on what has no order. */
export function compare(a: Value, b: Value, budget: Budget): number {
  budget.spend(1)
  const [x, y] = [numberOf(need(a)), numberOf(need(b))]
  if (x !== undefined && y !== undefined) return x - y
  if (typeof a === 'string' && typeof b === 'string') return compareText(a, b)
  if (Array.isArray(a) && Array.isArray(b) && isTuple(a) === isTuple(b)) {
    for (let i = 0; i < Math.min(a.length, b.length); i++)
      if (!equal(a[i], b[i], budget)) return compare(a[i], b[i], budget)
    return a.length - b.length
  }
  throw failure(`cannot put ${typeName(a)} and ${typeName(b)} in order`)
}

/** By code point, as Python does; JS compares UTF-16 units. */
function compareText(a: string, b: string): number {
  if (a === b) return 0
  if (!/[\ud800-\udfff]/.test(a + b)) return a < b ? -1 : 1
  const [x, y] = [Array.from(a), Array.from(b)]
  for (let i = 0; i < Math.min(x.length, y.length); i++)
    if (x[i] !== y[i]) return x[i]!.codePointAt(0)! - y[i]!.codePointAt(0)!
  return x.length - y.length
}

/** The items that a `for` goes through. */
export function iterate(value: Value, budget: Budget): Value[] {
  if (Array.isArray(value)) return value
  if (typeof value === 'string') {
    budget.spend(value.length)
    return Array.from(value)
  }
  if (isMissing(value)) {
    tolerate(value)
    return []
  }
  if (isDict(value)) return Object.keys(value)
  throw failure(`${typeName(value)} cannot be gone through`)
}

/** The value as plain JSON: tuples are lists, whole floats numbers. Throws `template` on undefined and methods. */
export function toPlain(value: Value, budget: Budget): unknown {
  budget.spend(1)
  if (typeof value === 'function') throw failure('a method is no value: call it with ()')
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(item => toPlain(item, budget))
  if (isDict(value)) return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, toPlain(item, budget)]))
  const number = numberOf(need(value))
  if (number === undefined) throw failure('a namespace is no value: use one of its attributes')
  return number
}
