// Python's str methods, on code points where Python counts characters.
import type { Callable, Context } from './callable.ts'
import { formatBraces } from './format.ts'
import { printText } from './print.ts'
import { failure, iterate, need, numberOf, typeName, type Value } from './values.ts'

const SPACE = '\\s\\x1c-\\x1f\\x85'
const ONE_SPACE = new RegExp(`[${SPACE}]`)

export function textOf(value: Value, what: string): string {
  if (typeof need(value) !== 'string') throw failure(`${what} is text, got ${typeName(value)}`)
  return value as string
}

export function integerOf(value: Value, what: string): number {
  const number = numberOf(need(value))
  if (number === undefined || !Number.isInteger(number))
    throw failure(`${what} is a whole number, got ${typeName(value)}`)
  return number
}

/** Length in characters as Python counts them. */
export function lengthOf(text: string): number {
  return /[\ud800-\udfff]/.test(text) ? Array.from(text).length : text.length
}

/** Text with at most `count` of `old` replaced (all when undefined or negative); charges its size first. */
export function replaceText(text: string, old: string, by: string, count: number | undefined, c: Context): string {
  const limit = count === undefined || count < 0 ? Number.POSITIVE_INFINITY : count
  const parts = old === '' ? ['', ...Array.from(text), ''] : text.split(old)
  const replaced = Math.min(parts.length - 1, limit)
  c.budget.spend(parts.length, text.length + replaced * by.length)
  return (
    parts.slice(0, replaced + 1).join(by) +
    parts
      .slice(replaced + 1)
      .map(part => old + part)
      .join('')
  )
}

export function trimText(text: string, chars: Value, side: 'both' | 'left' | 'right'): string {
  const inSet = strippedBy(chars)
  let start = 0
  let end = text.length
  const points = /[\ud800-\udfff]/.test(text) ? Array.from(text) : text
  if (points !== text) end = points.length
  while (side !== 'right' && start < end && inSet(points[start]!)) start++
  while (side !== 'left' && end > start && inSet(points[end - 1]!)) end--
  return typeof points === 'string' ? points.slice(start, end) : points.slice(start, end).join('')
}

export function titleWords(text: string): string {
  return text.replace(/\p{L}[\p{L}\p{M}]*/gu, word => capitalize(word))
}

export function capitalize(text: string): string {
  const [first = ''] = text
  return first.toUpperCase() + text.slice(first.length).toLowerCase()
}

function strippedBy(chars: Value): (point: string) => boolean {
  if (chars === undefined || chars === null) return point => ONE_SPACE.test(point)
  const set = new Set(textOf(chars, 'what to strip'))
  return point => set.has(point)
}

function split(text: string, separator: Value, limit: number, c: Context): string[] {
  const parts: string[] = []
  let rest = text
  if (separator === undefined || separator === null) {
    rest = trimText(rest, undefined, 'left')
    while (rest !== '' && (limit < 0 || parts.length < limit)) {
      const cut = rest.search(ONE_SPACE)
      if (cut < 0) break
      parts.push(rest.slice(0, cut))
      rest = trimText(rest.slice(cut), undefined, 'left')
      c.budget.spend(1)
    }
    if (rest !== '') parts.push(parts.length === limit ? rest : trimText(rest, undefined, 'right'))
    return parts
  }
  const mark = textOf(separator, 'the separator')
  if (mark === '') throw failure('the separator is empty')
  const all = text.split(mark)
  c.budget.spend(all.length, text.length)
  return limit < 0 || all.length <= limit + 1 ? all : [...all.slice(0, limit), all.slice(limit).join(mark)]
}

function rsplit(text: string, separator: Value, limit: number, c: Context): string[] {
  if (limit < 0) return split(text, separator, -1, c)
  const reversed = (value: string) => Array.from(value).reverse().join('')
  const mark = typeof separator === 'string' ? reversed(separator) : separator
  return split(reversed(text), mark, limit, c).map(reversed).reverse()
}

function affix(text: string, value: Value, method: 'startsWith' | 'endsWith'): boolean {
  const options = Array.isArray(value) ? value : [value]
  return options.some(option => text[method](textOf(option, 'what to look for')))
}

function pad(text: string, width: number, fill: Value, side: 'left' | 'right' | 'both', c: Context): string {
  const missing = Math.max(0, width - lengthOf(text))
  const mark = fill === undefined ? ' ' : textOf(fill, 'the fill')
  c.budget.spend(1, missing)
  const left = side === 'left' ? missing : side === 'right' ? 0 : Math.floor(missing / 2) + (missing & width & 1)
  return mark.repeat(left) + text + mark.repeat(missing - left)
}

type Run = (text: string, args: Value[], c: Context) => Value
const method = (params: string[], run: Run): Callable => ({
  params,
  run: (self, args, c) => run(self as string, args, c),
})
const plain = (run: (text: string) => Value): Callable => method([], text => run(text))
const limitOf = (value: Value) => (value === undefined ? -1 : integerOf(value, 'the number of splits'))
const countOf = (text: string, what: string) => (what === '' ? lengthOf(text) + 1 : text.split(what).length - 1)
const indexOfPoint = (text: string, at: number) => (at < 0 ? -1 : lengthOf(text.slice(0, at)))
const isAll = (pattern: RegExp) => plain(text => pattern.test(text))

export const TEXT_METHODS: Readonly<Record<string, Callable>> = {
  upper: plain(text => text.toUpperCase()),
  lower: plain(text => text.toLowerCase()),
  casefold: plain(text => text.toLowerCase()),
  capitalize: plain(capitalize),
  title: plain(titleWords),
  swapcase: plain(text => text.replace(/./gsu, x => (x === x.toUpperCase() ? x.toLowerCase() : x.toUpperCase()))),
  strip: method(['chars?'], (text, [chars]) => trimText(text, chars, 'both')),
  lstrip: method(['chars?'], (text, [chars]) => trimText(text, chars, 'left')),
  rstrip: method(['chars?'], (text, [chars]) => trimText(text, chars, 'right')),
  split: method(['sep?', 'maxsplit?'], (text, [sep, max], c) => split(text, sep, limitOf(max), c)),
  rsplit: method(['sep?', 'maxsplit?'], (text, [sep, max], c) => rsplit(text, sep, limitOf(max), c)),
  splitlines: plain(text =>
    text
      .replace(/(?:\r\n|\n|\r)$/, '')
      .split(/\r\n|\n|\r/)
      .filter((_, i, all) => i > 0 || all.length > 1 || text !== ''),
  ),
  startswith: method(['prefix'], (text, [prefix]) => affix(text, prefix, 'startsWith')),
  endswith: method(['suffix'], (text, [suffix]) => affix(text, suffix, 'endsWith')),
  removeprefix: method(['prefix'], (text, [prefix]) =>
    affix(text, prefix, 'startsWith') ? text.slice(String(prefix).length) : text,
  ),
  removesuffix: method(['suffix'], (text, [suffix]) =>
    affix(text, suffix, 'endsWith') ? text.slice(0, text.length - String(suffix).length) : text,
  ),
  replace: method(['old', 'new', 'count?'], (text, [old, by, count], c) =>
    replaceText(
      text,
      textOf(old, 'old'),
      textOf(by, 'new'),
      count === undefined ? undefined : integerOf(count, 'count'),
      c,
    ),
  ),
  join: method(['items'], (text, [items], c) => {
    const parts = iterate(need(items), c.budget).map(item => textOf(item, 'an item of join'))
    c.budget.spend(
      parts.length,
      parts.reduce((sum, part) => sum + part.length + text.length, 0),
    )
    return parts.join(text)
  }),
  find: method(['what'], (text, [what]) => indexOfPoint(text, text.indexOf(textOf(what, 'what to find')))),
  rfind: method(['what'], (text, [what]) => indexOfPoint(text, text.lastIndexOf(textOf(what, 'what to find')))),
  index: method(['what'], (text, [what]) => {
    const at = text.indexOf(textOf(what, 'what to find'))
    if (at < 0) throw failure(`'${String(what)}' is not in the text`)
    return indexOfPoint(text, at)
  }),
  count: method(['what'], (text, [what]) => countOf(text, textOf(what, 'what to count'))),
  format: { run: (self, args, c, named) => formatBraces(self as string, args, named, c) },
  zfill: method(['width'], (text, [width], c) => {
    const sign = /^[-+]/.exec(text)?.[0] ?? ''
    return sign + pad(text.slice(sign.length), integerOf(width, 'width') - sign.length, '0', 'left', c)
  }),
  ljust: method(['width', 'fill?'], (text, [width, fill], c) => pad(text, integerOf(width, 'width'), fill, 'right', c)),
  rjust: method(['width', 'fill?'], (text, [width, fill], c) => pad(text, integerOf(width, 'width'), fill, 'left', c)),
  center: method(['width', 'fill?'], (text, [width, fill], c) => pad(text, integerOf(width, 'width'), fill, 'both', c)),
  isdigit: isAll(/^\p{Nd}+$/u),
  isnumeric: isAll(/^\p{N}+$/u),
  isalpha: isAll(/^\p{L}+$/u),
  isalnum: isAll(/^[\p{L}\p{N}]+$/u),
  isspace: isAll(new RegExp(`^[${SPACE}]+$`)),
  islower: plain(text => text === text.toLowerCase() && text !== text.toUpperCase()),
  isupper: plain(text => text === text.toUpperCase() && text !== text.toLowerCase()),
}

/** `value` as text for a filter that takes any value, as Python's str(). */
export const asText = (value: Value, c: Context): string => printText(value, c.budget)
