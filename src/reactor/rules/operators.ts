// json-rules-engine's operators and operator decorators (7.3), as plain functions; a test holds them against the engine. The
// engine compares by size whatever JavaScript makes a number of: here lists, and text that is no number, are not compared,
// since who sends an event chooses what it holds.

type Compare = (a: never, b: never) => boolean
type Any = (a: unknown, b: unknown) => boolean
interface Indexed {
  indexOf(value: unknown): number
}

/** Each digit can belong to one part of it alone: others choose how long the text is. */
const NUMBER = /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i

/** Finite: a number, or text that is one in decimal and nothing besides; undefined: neither. */
export function numberOf(value: unknown): number | undefined {
  const number = typeof value === 'string' && NUMBER.test(value) ? Number(value) : value
  return Number.isFinite(number) ? (number as number) : undefined
}

const ordered =
  (holds: (a: number, b: number) => boolean): Any =>
  (one, other) => {
    const a = numberOf(one)
    const b = numberOf(other)
    return a !== undefined && b !== undefined && holds(a, b)
  }

/** They compare by size. */
export const ORDERING = {
  lessThan: ordered((a, b) => a < b),
  lessThanInclusive: ordered((a, b) => a <= b),
  greaterThan: ordered((a, b) => a > b),
  greaterThanInclusive: ordered((a, b) => a >= b),
}

/** `fact <operator> value`; some throw on values that they are not made for. */
export const OPERATORS: Readonly<Record<string, Compare>> = {
  equal: (a: unknown, b: unknown) => a === b,
  notEqual: (a: unknown, b: unknown) => a !== b,
  in: (a: unknown, b: Indexed) => b.indexOf(a) > -1,
  notIn: (a: unknown, b: Indexed) => b.indexOf(a) === -1,
  contains: (a: Indexed, b: unknown) => Array.isArray(a) && a.indexOf(b) > -1,
  doesNotContain: (a: Indexed, b: unknown) => Array.isArray(a) && a.indexOf(b) === -1,
  ...ORDERING,
}

/** `decorator:operator`, applied from the inside out. */
export const DECORATORS: Readonly<Record<string, (next: Compare) => Compare>> = {
  someFact: next => (a: unknown[], b: unknown) => Array.isArray(a) && a.some(one => (next as Any)(one, b)),
  everyFact: next => (a: unknown[], b: unknown) => Array.isArray(a) && a.every(one => (next as Any)(one, b)),
  someValue: next => (a: unknown, b: unknown[]) => b.some(one => (next as Any)(a, one)),
  everyValue: next => (a: unknown, b: unknown[]) => b.every(one => (next as Any)(a, one)),
  swap: next => (a: unknown, b: unknown) => (next as Any)(b, a),
  not: next => (a: unknown, b: unknown) => !(next as Any)(a, b),
}
