// Functions that documents have beside those of every template: Jinja2's `joiner` and `cycler`, Salt's `raise`.

import { own, setKey } from './attributes.ts'
import type { Context } from './callable.ts'
import { asText } from './text.ts'
import { failure, isDict, iterate, type Method, need, typeName, type Value, withMembers } from './values.ts'

const raise =
  (c: Context): Method =>
  ([message = '']) => {
    throw failure(asText(message, c))
  }

/** Nothing the first time, then the separator. */
const joiner: Method = ([separator = ', ']) => {
  let used = false
  return (() => {
    if (used) return separator
    used = true
    return ''
  }) satisfies Method
}

const cycler: Method = items => {
  if (items.length === 0) throw failure('cycler() needs items')
  let at = 0
  const members = new Map<string, Value>()
  const move = (to: number) => {
    at = to % items.length
    members.set('current', items[at])
  }
  members.set('next', () => {
    const current = items[at]
    move(at + 1)
    return current
  })
  members.set('reset', () => {
    move(0)
    return null
  })
  move(0)
  return withMembers(members)
}

/** A dict in the order in which it is written, as every dict is here; Salt's older files ask for one by this name. */
const odict =
  (c: Context): Method =>
  ([source = {}], named) => {
    const pairs = isDict(need(source)) ? Object.entries(source as object) : iterate(source, c.budget).map(pairOf)
    const dict = own({})
    for (const [key, value] of [...pairs, ...Object.entries(named)]) setKey(dict, key, value)
    return dict
  }

function pairOf(pair: Value): [string, Value] {
  if (!Array.isArray(pair) || pair.length !== 2 || typeof pair[0] !== 'string')
    throw failure(`odict() takes a dict or pairs of a text and a value, got ${typeName(pair)}`)
  return [pair[0], pair[1]]
}

export const DOCUMENT_GLOBALS: ReadonlyMap<string, (c: Context) => Method> = new Map([
  ['raise', raise],
  ['joiner', () => joiner],
  ['cycler', () => cycler],
  ['odict', odict],
  ['OrderedDict', odict],
])
