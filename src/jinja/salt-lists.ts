// Salt's filters on lists and dicts, and Jinja2's `slice`: of documents alone.

import { traverse } from '../protocol/target/traverse.ts'
import { own, sizeOf } from './attributes.ts'
import { type Callable, type Context, filter, flag } from './callable.ts'
import { binary } from './operators.ts'
import { integerOf, textOf } from './text.ts'
import { equal, failure, float, isDict, iterate, need, numberOf, truthy, type Value } from './values.ts'

const has = (items: readonly Value[], one: Value, c: Context) => items.some(known => equal(known, one, c.budget))

function distinct(items: readonly Value[], c: Context): Value[] {
  const kept: Value[] = []
  for (const one of items) if (!has(kept, one, c)) kept.push(one)
  return own(kept)
}

/** Each item once, those of the two lists that `pick` takes. */
const setOf = (pick: (a: Value[], b: Value[], c: Context) => Value[]): Callable =>
  filter(['lst2'], (value, [other], c) => {
    const [a, b] = [iterate(value, c.budget), iterate(need(other), c.budget)]
    c.budget.spend(a.length + b.length)
    return distinct(pick(a, b, c), c)
  })

function flatten(items: readonly Value[], levels: number, nulls: boolean, c: Context): Value[] {
  c.budget.spend(items.length)
  return items.flatMap(one => {
    if (Array.isArray(one) && levels !== 0) return flatten(one, levels - 1, nulls, c)
    return one === null && !nulls ? [] : [one]
  })
}

/** Salt's True of texts, numbers and collections. */
export function toBool(value: Value): boolean {
  if (typeof value === 'string') return ['yes', '1', 'true'].includes(value.toLowerCase())
  const number = numberOf(value)
  return number === undefined ? truthy(value) : number > 0
}

const exactly = (value: Value, amount: number, c: Context) => iterate(value, c.budget).filter(truthy).length === amount

export const SALT_LIST_FILTERS: Readonly<Record<string, Callable>> = {
  slice: filter(['slices', 'fill_with?'], (value, [count, fill], c) => {
    const columns = integerOf(count, 'the number of slices')
    if (columns < 1) throw failure('there is at least one slice')
    const items = iterate(value, c.budget)
    c.budget.spend(columns + items.length)
    const [least, longer] = [Math.floor(items.length / columns), items.length % columns]
    return Array.from({ length: columns }, (_, i) => {
      const start = i * least + Math.min(i, longer)
      const column = items.slice(start, start + least + (i < longer ? 1 : 0))
      if (fill !== undefined && fill !== null && i >= longer && longer > 0) column.push(fill)
      return own(column)
    })
  }),
  union: setOf((a, b) => [...a, ...b]),
  intersect: setOf((a, b, c) => a.filter(one => has(b, one, c))),
  difference: setOf((a, b, c) => a.filter(one => !has(b, one, c))),
  symmetric_difference: setOf((a, b, c) => [...a.filter(one => !has(b, one, c)), ...b.filter(one => !has(a, one, c))]),
  flatten: filter(['levels?', 'preserve_nulls?'], (value, [levels, nulls], c) => {
    const most = levels === undefined || levels === null ? Number.POSITIVE_INFINITY : integerOf(levels, 'levels')
    return own(flatten(iterate(value, c.budget), most, flag(nulls), c))
  }),
  avg: filter([], (value, _args, c) => {
    const items = iterate(value, c.budget)
    if (items.length === 0) return float(0)
    return binary(
      '/',
      items.reduce<Value>((total, one) => binary('+', total, one, c), 0),
      items.length,
      c,
    )
  }),
  sequence: filter([], value => (Array.isArray(value) || isDict(value) ? value : own([value]))),
  to_bool: filter([], toBool),
  exactly_n_true: filter(['amount?'], (value, [amount = 1], c) => exactly(value, integerOf(amount, 'amount'), c)),
  exactly_one_true: filter([], (value, _args, c) => exactly(value, 1, c)),
  is_list: filter([], value => Array.isArray(value)),
  is_iter: filter([], value => Array.isArray(value) || isDict(value)),
  is_empty: filter([], value => sizeOf(value) === 0),
  traverse: filter(['key', 'default?', 'delimiter?'], (value, [key, fallback = null, delimiter = ':'], c) => {
    const mark = textOf(delimiter, 'the delimiter')
    if (mark === '') throw failure('the delimiter is empty')
    const steps = textOf(key, 'the key').split(mark)
    c.budget.spend(steps.length)
    return (traverse(value, steps) ?? { value: fallback }).value
  }),
}
