// Filters on single values: Jinja2's for text, numbers and encoding, and Salt's.
import { entriesOf } from './attributes.ts'
import { type Callable, filter, flag } from './callable.ts'
import { COLLECTION_FILTERS } from './collections.ts'
import { formatPercent } from './format.ts'
import { fixedText, printJson } from './print.ts'
import { SALT_FILTERS } from './salt-filters.ts'
import { asText, capitalize, integerOf, lengthOf, replaceText, TEXT_METHODS, textOf, trimText } from './text.ts'
import {
  failure,
  float,
  isDict,
  isFloat,
  isMissing,
  need,
  numberOf,
  truthy,
  tuple,
  typeName,
  type Value,
} from './values.ts'

const onText = (run: (text: string) => Value): Callable => filter([], (value, _args, c) => run(asText(value, c)))

const fallback: Callable = {
  params: ['default_value?', 'boolean?'],
  takesMissing: true,
  run: (value, [by = '', falsy]) => (isMissing(value) || (flag(falsy) && !truthy(value)) ? by : value),
}
const replace = filter(['old', 'new', 'count?'], (value, [old, by, count], c) => {
  const limit = count === undefined || count === null ? undefined : integerOf(count, 'count')
  return replaceText(asText(value, c), asText(old, c), asText(by, c), limit, c)
})
const json = (html: boolean): Callable =>
  filter(['indent?', 'sort_keys?'], (value, [indent, sort], c) => {
    const spaces = indent === undefined || indent === null ? {} : { indent: Math.min(integerOf(indent, 'indent'), 20) }
    const sortKeys = html || sort === undefined || truthy(sort)
    const text = printJson(value, c.budget, { ...spaces, sortKeys, ascii: true })
    return html ? text.replace(/[<>&']/g, char => `\\u00${char.charCodeAt(0).toString(16)}`) : text
  })

/** Python's int(): a whole number of a text or number, or the default. */
function toInteger(value: Value, otherwise: Value, base: Value): Value {
  const radix = base === undefined ? 10 : integerOf(base, 'base')
  const number = numberOf(value)
  if (number !== undefined) return whole(Math.trunc(number))
  if (typeof value !== 'string') return otherwise
  const text = value.trim().replace(/(\d)_(?=\d)/g, '$1')
  const prefix = { 2: '0b', 8: '0o', 16: '0x' }[radix]
  const digits =
    prefix && text.toLowerCase().replace(/^[-+]/, '').startsWith(prefix) ? text.replace(/0[box]/i, '') : text
  if (radix !== 10) {
    const parsed = /^[-+]?[\da-z]+$/i.test(digits) ? Number.parseInt(digits, radix) : Number.NaN
    const valid = [...digits.replace(/^[-+]/, '')].every(digit => Number.parseInt(digit, radix) >= 0)
    return valid && !Number.isNaN(parsed) ? whole(parsed) : otherwise
  }
  return /^[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/i.test(text) ? whole(Math.trunc(Number(text))) : otherwise
}

function whole(value: number): number {
  if (!Number.isSafeInteger(value)) throw failure('a whole number is too large to stay exact: keep it as text')
  return value + 0
}

function toFloat(value: Value, otherwise: Value): Value {
  const number = numberOf(value)
  if (number !== undefined) return float(number)
  if (typeof value !== 'string') return otherwise
  const text = value.trim().replace(/(\d)_(?=\d)/g, '$1')
  return /^[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/i.test(text) ? float(Number(text)) : otherwise
}

function round(value: Value, precision: number, method: string): Value {
  const number = numberOf(value)
  if (number === undefined) throw failure(`round needs a number, got ${typeName(value)}`)
  if (Math.abs(precision) > 20) throw failure('round has a precision between -20 and 20')
  const scale = 10 ** Math.abs(precision)
  if (method === 'ceil' || method === 'floor') {
    const scaled = precision < 0 ? number / scale : number * scale
    const result = Math[method](scaled)
    return float(precision < 0 ? result * scale : result / scale)
  }
  if (method !== 'common') throw failure(`round knows common, ceil and floor, got '${method}'`)
  if (precision < 0) {
    const result = Number(fixedText(number / scale, 0)) * scale
    return isFloat(value) ? float(result) : result
  }
  return isFloat(value) ? float(Number(fixedText(number, precision))) : number
}

function quoteUrl(text: string, safe: string): string {
  return encodeURIComponent(text)
    .replace(/[!'()*]/g, char => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%2F', safe === '/' ? '/' : '%2F')
}

const urlencode = filter([], (value, _args, c) => {
  if (typeof value === 'string' || (!Array.isArray(value) && !isDict(value))) return quoteUrl(asText(value, c), '/')
  const pairs = isDict(value) ? entriesOf(value) : value
  const plus = (part: Value) => quoteUrl(asText(part, c), '').replaceAll('%20', '+')
  return pairs.map(pair => (pair as Value[]).map(plus).join('=')).join('&')
})

const HTML: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&#34;', "'": '&#39;' }
const escapeHtml = onText(text => text.replace(/[&<>"']/g, char => HTML[char]!))
const encode = onText(text => Buffer.from(text, 'utf8').toString('base64'))
const decode = onText(text => Buffer.from(text, 'base64').toString('utf8'))

export const FILTERS: Readonly<Record<string, Callable>> = {
  ...COLLECTION_FILTERS,
  default: fallback,
  d: fallback,
  upper: onText(text => text.toUpperCase()),
  lower: onText(text => text.toLowerCase()),
  capitalize: onText(capitalize),
  title: onText(text =>
    text
      .split(/([-\s({[<]+)/)
      .map(capitalize)
      .join(''),
  ),
  trim: filter(['chars?'], (value, [chars], c) => trimText(asText(value, c), chars, 'both')),
  replace,
  string: filter([], (value, _args, c) => asText(value, c)),
  format: {
    run: (value, args, c, named) =>
      formatPercent(asText(value, c), Object.keys(named).length > 0 ? named : tuple(args), c),
  },
  center: filter(['width?'], (value, [width = 80], c) => TEXT_METHODS.center!.run(asText(value, c), [width], c, {})),
  indent: filter(['width?', 'first?', 'blank?'], (value, [width = 4, first, blank], c) => {
    const space = typeof width === 'string' ? width : ' '.repeat(Math.min(integerOf(width, 'width'), 200))
    const lines = asText(value, c).split('\n')
    c.budget.spend(lines.length, lines.length * space.length)
    return lines
      .map((line, i) => ((i === 0 ? flag(first) : flag(blank) || line !== '') ? space + line : line))
      .join('\n')
  }),
  truncate: filter(
    ['length?', 'killwords?', 'end?', 'leeway?'],
    (value, [length = 255, kill, end = '...', leeway = 5], c) => {
      const points = Array.from(asText(value, c))
      const [size, mark] = [integerOf(length, 'length'), textOf(end, 'end')]
      if (points.length <= size + integerOf(leeway, 'leeway')) return points.join('')
      if (size < lengthOf(mark)) throw failure(`truncate has a length below its end '${mark}'`)
      const cut = points.slice(0, size - lengthOf(mark)).join('')
      return (flag(kill) || !cut.includes(' ') ? cut : cut.slice(0, cut.lastIndexOf(' '))) + mark
    },
  ),
  wordcount: onText(text => text.match(/[\p{L}\p{N}_]+/gu)?.length ?? 0),
  escape: escapeHtml,
  e: escapeHtml,
  safe: filter([], value => value),
  // Says so to who reads the rule, and to flow.ts.
  allow_untrusted: { params: [], takesMissing: true, run: value => value },
  int: filter(['default?', 'base?'], (value, [otherwise = 0, base]) => toInteger(value, otherwise, base)),
  float: filter(['default?'], (value, [otherwise = float(0)]) => toFloat(value, otherwise)),
  abs: filter([], value => {
    const number = numberOf(need(value))
    if (number === undefined) throw failure(`abs needs a number, got ${typeName(value)}`)
    return isFloat(value) ? float(Math.abs(number)) : Math.abs(number)
  }),
  round: filter(['precision?', 'method?'], (value, [precision = 0, method = 'common']) =>
    round(value, integerOf(precision, 'precision'), textOf(method, 'method')),
  ),
  tojson: json(true),
  json: json(false),
  yaml_dquote: filter([], (value, _args, c) => JSON.stringify(asText(value, c))),
  yaml_squote: filter([], (value, _args, c) => `'${asText(value, c).replaceAll("'", "''")}'`),
  urlencode,
  b64encode: encode,
  base64_encode: encode,
  b64decode: decode,
  base64_decode: decode,
}

/** Of whole documents. */
export const DOCUMENT_FILTERS: Readonly<Record<string, Callable>> = { ...FILTERS, ...SALT_FILTERS }
