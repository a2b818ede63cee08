// `value.name`, `value[index]`, slices and methods. Only own keys and the methods listed here can be reached: nothing of
// JavaScript's objects. A dict's key wins over a method of the same name, so that `data.items` finds a key named items.
import { type Callable, type Context, call } from './callable.ts'
import { integerOf, lengthOf, TEXT_METHODS } from './text.ts'
import {
  type Dict,
  equal,
  failure,
  isDict,
  isFloat,
  isMissing,
  iterate,
  type Method,
  membersOf,
  need,
  numberOf,
  tolerate,
  toPlain,
  tuple,
  typeName,
  type Value,
} from './values.ts'

const made = new WeakSet<object>()

/** Marks a list or dict as made by the template, which may change it; event data may not be changed. */
export function own<T extends object>(value: T): T {
  made.add(value)
  return value
}

/** The value of an attribute, a method, or a missing value named `text`. Throws `template` on attributes of undefined. */
export function attribute(target: Value, name: string, text: string, c: Context): Value {
  if (isMissing(target)) need(target)
  const members = membersOf(target)
  if (members) return members.has(name) ? members.get(name) : c.missing(text)
  if (isDict(target) && Object.hasOwn(target, name)) return target[name]
  return methodOf(target, name, c) ?? c.missing(text)
}

/** The method of that name, even where a dict has a key of that name. */
export function methodOf(target: Value, name: string, c: Context): Method | undefined {
  const methods =
    typeof target === 'string'
      ? TEXT_METHODS
      : Array.isArray(target)
        ? LIST_METHODS
        : isDict(target)
          ? DICT_METHODS
          : {}
  const callable = Object.hasOwn(methods, name) ? methods[name] : undefined
  return callable && ((args, named) => call(`${name}()`, callable, target, args, named, c))
}

export function item(target: Value, index: Value, text: string, c: Context): Value {
  if (isMissing(target)) need(target)
  const position = isFloat(need(index)) ? undefined : numberOf(index)
  if (typeof target === 'string' || Array.isArray(target)) {
    if (position === undefined) return typeof index === 'string' ? attribute(target, index, text, c) : c.missing(text)
    const items = iterate(target, c.budget)
    const at = position < 0 ? position + items.length : position
    return Number.isInteger(at) && at >= 0 && at < items.length ? items[at] : c.missing(text)
  }
  const key = keyOf(index, c)
  return key === undefined ? c.missing(text) : attribute(target, key, text, c)
}

/** As a key of a dict, or undefined. YAML's keys that are no text are kept as their text, so documents ask for them by it. */
export function keyOf(value: Value, c: Context): string | undefined {
  if (typeof value === 'string') return value
  if (c.documents === undefined) return undefined
  return typeof value === 'boolean' || value === null || Number.isInteger(value) ? String(value) : undefined
}

/** Python's slice of a list or text. */
export function slice(target: Value, start: Value, stop: Value, step: Value, c: Context): Value {
  if (!Array.isArray(need(target)) && typeof target !== 'string')
    throw failure(`${typeName(target)} cannot be cut into slices`)
  const items = iterate(target, c.budget)
  const bound = (value: Value, fallback: number) =>
    value === undefined || value === null ? fallback : integerOf(value, 'a bound of a slice')
  const by = bound(step, 1)
  if (by === 0) throw failure("a slice's step is 0")
  const clamp = (at: number, low: number, high: number) =>
    Math.min(Math.max(at < 0 ? at + items.length : at, low), high)
  const first = by > 0 ? 0 : items.length - 1
  const last = by > 0 ? items.length : -1
  const from =
    start === undefined || start === null ? first : clamp(bound(start, 0), Math.min(first, last), Math.max(first, last))
  const to =
    stop === undefined || stop === null ? last : clamp(bound(stop, 0), Math.min(first, last), Math.max(first, last))
  const taken: Value[] = []
  for (let at = from; by > 0 ? at < to : at > to; at += by) taken.push(items[at])
  c.budget.spend(taken.length)
  return typeof target === 'string' ? taken.join('') : own(taken)
}

export function sizeOf(value: Value): number {
  if (isMissing(value)) {
    tolerate(value)
    return 0
  }
  if (typeof value === 'string') return lengthOf(value)
  if (Array.isArray(value)) return value.length
  if (isDict(value)) return Object.keys(value).length
  throw failure(`${typeName(value)} has no length`)
}

export function entriesOf(value: Value): Value[] {
  if (isMissing(value)) return []
  if (!isDict(value)) throw failure(`a dict is needed, got ${typeName(value)}`)
  return Object.entries(value).map(pair => tuple(pair))
}

/** Sets a key as an own property, whatever its name. */
export function setKey(dict: Dict, key: string, value: Value): void {
  Object.defineProperty(dict, key, { value, writable: true, enumerable: true, configurable: true })
}

function changeable(value: Value, c: Context): void {
  if (made.has(value as object)) return
  const what = c.documents ? 'what a template is given (grains, pillar, …)' : 'event data'
  throw failure(`${what} cannot be changed: copy it first, with dict(...) or the filter list`)
}

const dictMethod = (params: string[], run: (dict: Dict, args: Value[], c: Context) => Value): Callable => ({
  params,
  run: (self, args, c) => run(self as Dict, args, c),
})
const listMethod = (params: string[], run: (list: Value[], args: Value[], c: Context) => Value): Callable => ({
  params,
  run: (self, args, c) => run(self as Value[], args, c),
})
const lookUp = (dict: Dict, given: Value, c: Context) => {
  const key = keyOf(given, c)
  return key !== undefined && Object.hasOwn(dict, key) ? dict[key] : undefined
}

const DICT_METHODS: Readonly<Record<string, Callable>> = {
  get: dictMethod(['key', 'default?'], (dict, [key, fallback = null], c) => {
    const found = lookUp(dict, need(key), c)
    return found === undefined ? fallback : found
  }),
  items: dictMethod([], entriesOf),
  keys: dictMethod([], dict => Object.keys(dict)),
  values: dictMethod([], dict => Object.values(dict)),
  copy: dictMethod([], dict => own(Object.fromEntries(Object.entries(dict)))),
  update: {
    run: (self, [other = {}], c, named) => {
      changeable(self, c)
      for (const source of [other, named]) {
        if (!isDict(need(source))) throw failure(`update() takes a dict, got ${typeName(source)}`)
        for (const [key, value] of Object.entries(source as Dict)) setKey(self as Dict, key, value)
      }
      c.budget.spend(Object.keys(self as Dict).length)
      return null
    },
  },
  setdefault: dictMethod(['key', 'default?'], (dict, [given, fallback = null], c) => {
    const found = lookUp(dict, given, c)
    if (found !== undefined) return found
    changeable(dict, c)
    const key = keyOf(given, c)
    if (key === undefined) throw failure(`keys are text, got ${typeName(given)}`)
    setKey(dict, key, fallback)
    return fallback
  }),
  pop: dictMethod(['key', 'default?'], (dict, [key, fallback], c) => {
    changeable(dict, c)
    const found = lookUp(dict, key, c)
    if (found === undefined && fallback === undefined) throw failure(`there is no key '${String(key)}'`)
    if (found !== undefined) delete dict[keyOf(key, c)!]
    return found === undefined ? fallback : found
  }),
}

const LIST_METHODS: Readonly<Record<string, Callable>> = {
  append: listMethod(['item'], (list, [added], c) => {
    changeable(list, c)
    c.budget.spend(1)
    list.push(added)
    return null
  }),
  extend: listMethod(['items'], (list, [items], c) => {
    changeable(list, c)
    const added = iterate(need(items), c.budget)
    c.budget.spend(added.length)
    for (const one of added.slice()) list.push(one)
    return null
  }),
  insert: listMethod(['index', 'item'], (list, [at, added], c) => {
    changeable(list, c)
    c.budget.spend(list.length)
    list.splice(integerOf(at, 'the index'), 0, added)
    return null
  }),
  pop: listMethod(['index?'], (list, [at = -1], c) => {
    changeable(list, c)
    const [taken] = list.splice(integerOf(at, 'the index'), 1)
    if (taken === undefined) throw failure('the list has no such item')
    return taken
  }),
  index: listMethod(['item'], (list, [wanted], c) => {
    const at = list.findIndex(one => equal(one, wanted, c.budget))
    if (at < 0) throw failure(`${JSON.stringify(toPlain(wanted, c.budget))} is not in the list`)
    return at
  }),
  count: listMethod(['item'], (list, [wanted], c) => list.filter(one => equal(one, wanted, c.budget)).length),
}
