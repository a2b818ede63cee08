// json-rules-engine's operators and operator decorators (7.3), as plain functions; a test holds them against the engine.

type Compare = (a: never, b: never) => boolean
type Any = (a: unknown, b: unknown) => boolean
interface Indexed {
  indexOf(value: unknown): number
}

const isNumeric = (value: unknown) => !Number.isNaN(Number.parseFloat(value as string))

/** `fact <operator> value`; some throw on values that they are not made for. */
export const OPERATORS: Readonly<Record<string, Compare>> = {
  equal: (a: unknown, b: unknown) => a === b,
  notEqual: (a: unknown, b: unknown) => a !== b,
  in: (a: unknown, b: Indexed) => b.indexOf(a) > -1,
  notIn: (a: unknown, b: Indexed) => b.indexOf(a) === -1,
  contains: (a: Indexed, b: unknown) => Array.isArray(a) && a.indexOf(b) > -1,
  doesNotContain: (a: Indexed, b: unknown) => Array.isArray(a) && a.indexOf(b) === -1,
  lessThan: (a: number, b: number) => isNumeric(a) && a < b,
  lessThanInclusive: (a: number, b: number) => isNumeric(a) && a <= b,
  greaterThan: (a: number, b: number) => isNumeric(a) && a > b,
  greaterThanInclusive: (a: number, b: number) => isNumeric(a) && a >= b,
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
