// Filters on lists and dicts.
import { attribute, entriesOf, item, own, sizeOf } from './attributes.ts'
import { type Callable, type Context, filter, flag } from './callable.ts'
import { binary } from './operators.ts'
import { asText, integerOf, textOf } from './text.ts'
import { compare, equal, failure, isMissing, iterate, type Named, need, truthy, tuple, type Value } from './values.ts'

const lenient: typeof filter = (params, run) => ({ ...filter(params, run), takesMissing: true })
const size = lenient([], sizeOf)

/** `a.b.0` of an item, as filters name attributes. */
function getter(path: Value, c: Context): (value: Value) => Value {
  if (path === undefined || path === null) return value => value
  if (typeof path === 'number') return value => item(value, path, String(path), c)
  const steps = textOf(path, 'the attribute').split('.')
  return value =>
    steps.reduce(
      (at, step) => (/^\d+$/.test(step) ? item(at, Number(step), step, c) : attribute(at, step, step, c)),
      value,
    )
}

/** The value that things are ordered and told apart by; text is taken without case unless told otherwise. */
function keyOf(path: Value, caseSensitive: Value, c: Context): (value: Value) => Value {
  const get = getter(path, c)
  return value => {
    const key = get(value)
    return typeof key === 'string' && !flag(caseSensitive) ? key.toLowerCase() : key
  }
}

function sorted(items: Value[], key: (value: Value) => Value, reverse: boolean, c: Context): Value[] {
  c.budget.spend(items.length)
  const sign = reverse ? -1 : 1
  return own(
    items
      .map(value => ({ value, key: key(value) }))
      .sort((a, b) => sign * compare(a.key, b.key, c.budget))
      .map(one => one.value),
  )
}

function extreme(sign: 1 | -1): Callable {
  return filter(['case_sensitive?', 'attribute?'], (value, [caseSensitive, path], c) => {
    const key = keyOf(path, caseSensitive, c)
    let best: Value = c.missing('the least or greatest of an empty list')
    for (const one of iterate(value, c.budget))
      if (isMissing(best) || sign * compare(key(one), key(best), c.budget) < 0) best = one
    return best
  })
}

function selection(keep: boolean, byAttribute: boolean): Callable {
  return {
    run(value, args, c, named) {
      const get = byAttribute ? getter(args[0], c) : (one: Value) => one
      const [name, ...rest] = byAttribute ? args.slice(1) : args
      const accept = (one: Value) =>
        name === undefined ? truthy(get(one)) : c.test(textOf(name, 'the test'), get(one), rest, named)
      return own(iterate(value, c.budget).filter(one => accept(one) === keep))
    },
  }
}

function mapped(value: Value, args: Value[], c: Context, named: Named): Value {
  const items = iterate(value, c.budget)
  c.budget.spend(items.length)
  if (args.length === 0) {
    for (const name of Object.keys(named))
      if (name !== 'attribute' && name !== 'default')
        throw failure(`map has no argument '${name}' (attribute, default)`)
    if (named.attribute === undefined) throw failure('map needs a filter, or attribute=')
    const get = getter(named.attribute, c)
    const fallback = named.default
    return own(items.map(get).map(one => (isMissing(one) && fallback !== undefined ? fallback : one)))
  }
  const [name, ...rest] = args
  return own(items.map(one => c.filter(textOf(name, 'the filter'), one, rest, named)))
}

export const COLLECTION_FILTERS: Readonly<Record<string, Callable>> = {
  length: size,
  count: size,
  list: lenient([], (value, _args, c) => {
    const items = iterate(value, c.budget)
    c.budget.spend(items.length)
    return own([...items])
  }),
  items: lenient([], entriesOf),
  dictsort: filter(['case_sensitive?', 'by?', 'reverse?'], (value, [caseSensitive, by = 'key', reverse], c) => {
    const place = ['key', 'value'].indexOf(textOf(by, 'by'))
    if (place < 0) throw failure(`dictsort is by 'key' or 'value', got '${String(by)}'`)
    return sorted(entriesOf(value), keyOf(place, caseSensitive, c), flag(reverse), c)
  }),
  first: lenient([], (value, _args, c) => iterate(value, c.budget)[0] ?? emptyOr(value, 0, c)),
  last: lenient([], (value, _args, c) => iterate(value, c.budget).at(-1) ?? emptyOr(value, -1, c)),
  join: filter(['d?', 'attribute?'], (value, [separator = '', path], c) => {
    const get = getter(path, c)
    const mark = asText(separator, c)
    const parts = iterate(value, c.budget).map(one => asText(get(one), c))
    c.budget.spend(
      parts.length,
      parts.reduce((sum, part) => sum + part.length + mark.length, 0),
    )
    return parts.join(mark)
  }),
  reverse: filter([], (value, _args, c) => {
    const items = [...iterate(value, c.budget)].reverse()
    c.budget.spend(items.length)
    return typeof value === 'string' ? items.join('') : own(items)
  }),
  sort: filter(['reverse?', 'case_sensitive?', 'attribute?'], (value, [reverse, caseSensitive, path], c) => {
    const keys = typeof path === 'string' ? path.split(',').map(one => keyOf(one, caseSensitive, c)) : undefined
    const key = keys === undefined ? keyOf(path, caseSensitive, c) : (one: Value) => keys.map(get => get(one))
    return sorted(iterate(value, c.budget), key, flag(reverse), c)
  }),
  unique: filter(['case_sensitive?', 'attribute?'], (value, [caseSensitive, path], c) => {
    // Salt's own, in documents, tells Web from web; Jinja2's does not.
    const key = keyOf(path, caseSensitive ?? c.documents !== undefined, c)
    const seen: Value[] = []
    return own(
      iterate(value, c.budget).filter(one => {
        const own = key(one)
        if (seen.some(known => equal(known, own, c.budget))) return false
        seen.push(own)
        return true
      }),
    )
  }),
  min: extreme(1),
  max: extreme(-1),
  sum: filter(['attribute?', 'start?'], (value, [path, start = 0], c) => {
    const get = getter(path, c)
    return iterate(value, c.budget).reduce<Value>((total, one) => binary('+', total, need(get(one)), c), start)
  }),
  map: { run: mapped },
  select: selection(true, false),
  reject: selection(false, false),
  selectattr: selection(true, true),
  rejectattr: selection(false, true),
  groupby: filter(['attribute', 'default?', 'case_sensitive?'], (value, [path, fallback, caseSensitive], c) => {
    const get = getter(path, c)
    const full = (one: Value) => (isMissing(get(one)) && fallback !== undefined ? fallback : get(one))
    const key = (one: Value) =>
      typeof full(one) === 'string' && !flag(caseSensitive) ? (full(one) as string).toLowerCase() : full(one)
    const groups: { key: Value; name: Value; items: Value[] }[] = []
    for (const one of sorted(iterate(value, c.budget), key, false, c)) {
      const last = groups.at(-1)
      if (last && equal(last.key, key(one), c.budget)) last.items.push(one)
      else groups.push({ key: key(one), name: full(one), items: [one] })
    }
    return groups.map(group => tuple([group.name, group.items]))
  }),
  batch: filter(['linecount', 'fill_with?'], (value, [count, fill], c) => {
    const width = integerOf(count, 'the size of a batch')
    if (width < 1) throw failure('a batch has at least one item')
    const items = iterate(value, c.budget)
    const rows: Value[][] = []
    for (let at = 0; at < items.length; at += width) rows.push(items.slice(at, at + width))
    const last = rows.at(-1)
    if (last && fill !== undefined && fill !== null) {
      c.budget.spend(width)
      while (last.length < width) last.push(fill)
    }
    return rows
  }),
}

function emptyOr(value: Value, at: number, c: Context): Value {
  const items = iterate(value, c.budget)
  return items.length === 0 ? c.missing('the first or last of an empty list') : items.at(at)
}
