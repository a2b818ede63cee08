// Python's two ways to format text: `'%s is %d' % (a, b)` and `'{} is {n}'.format(a, n=1)`; fields name arguments only.
import type { Context } from './callable.ts'
import { fixedText, printNumber, printText, repr } from './print.ts'
import { failure, isDict, isFloat, isTuple, type Named, need, numberOf, typeName, type Value } from './values.ts'

const MAX_WIDTH = 1000

export function formatPercent(text: string, values: Value, c: Context): string {
  const list = isTuple(values) ? (values as Value[]) : [values]
  let used = 0
  const out = text.replace(
    /%(?:\((\w+)\))?([-+ 0#]*)(\d*)(?:\.(\d+))?([a-zA-Z%])?/g,
    (all, name, flags, width, precision, conversion) => {
      if (conversion === '%') return '%'
      if (conversion === undefined || !'srdiufFgxXoeE'.includes(conversion)) throw failure(`'${all}' is no format`)
      if (name === undefined && used >= list.length) throw failure(`'${text}' needs more than ${list.length} values`)
      const value = name === undefined ? list[used++] : field(values, name)
      const sign = flags.includes('+') ? '+' : ''
      const align = flags.includes('-') ? '<' : '>'
      const spec = `${align}${sign}${flags.includes('0') && align === '>' ? '0' : ''}${width}${precision ? `.${precision}` : ''}`
      return formatValue(value, 'diu'.includes(conversion) ? 'd' : conversion, spec, c)
    },
  )
  if (used < list.length && !isDict(values) && (used > 0 || isTuple(values)))
    throw failure(`'${text}' takes ${used} values, got ${list.length}`)
  c.budget.spend(1, out.length)
  return out
}

export function formatBraces(text: string, args: Value[], named: Named, c: Context): string {
  let next = 0
  const out = text.replace(/\{\{|\}\}|\{(\w*)(?:!([rs]))?(?::([^{}]*))?\}|[{}]/g, (all, name, conversion, spec) => {
    if (all === '{{' || all === '}}') return all[0]!
    if (name === undefined) throw failure(`'${text}': a field is {}, {0} or {name}, nothing more`)
    const value = name === '' ? args[next++] : /^\d+$/.test(name) ? args[Number(name)] : field(named, name)
    if (value === undefined) throw failure(`'${text}' needs a value for '${all}'`)
    const parts = /^([<>=]?[+]?0?\d*(?:\.\d+)?)([srdfFxXogeE]?)$/.exec(spec ?? '')
    if (!parts) throw failure(`'${spec}' is a format that is not available`)
    const fallback = numberOf(value) !== undefined && typeof value !== 'boolean' && conversion === undefined ? 'n' : 's'
    return formatValue(value, conversion ?? (parts[2] || fallback), parts[1]!, c)
  })
  c.budget.spend(1, out.length)
  return out
}

function field(values: Value, name: string): Value {
  if (!isDict(values) || !Object.hasOwn(values, name)) throw failure(`a format names '${name}', which is not given`)
  return values[name]
}

function formatValue(value: Value, kind: string, spec: string, c: Context): string {
  const [, align, sign, zero, width, precision] = /^([<>=]?)([+]?)(0?)(\d*)(?:\.(\d+))?$/.exec(spec)!
  const size = Number(width || 0)
  const digits = precision === undefined ? undefined : Number(precision)
  if (size > MAX_WIDTH || (digits ?? 0) > 100) throw failure(`a format is wider than ${MAX_WIDTH}`)
  let out: string
  let numeric = true
  if (kind === 's' || kind === 'r') {
    numeric = false
    out = kind === 'r' ? repr(value, c.budget) : printText(value, c.budget)
    if (digits !== undefined) out = Array.from(out).slice(0, digits).join('')
  } else out = formatNumber(value, kind, digits)
  if (numeric && sign === '+' && !out.startsWith('-')) out = `+${out}`
  const missing = Math.max(0, size - Array.from(out).length)
  if (missing === 0) return out
  if (zero && numeric && align !== '<') {
    const mark = /^[-+]/.exec(out)?.[0] ?? ''
    return mark + '0'.repeat(missing) + out.slice(mark.length)
  }
  const left = align === '<' || (align === '' && !numeric)
  return left ? out + ' '.repeat(missing) : ' '.repeat(missing) + out
}

function formatNumber(value: Value, kind: string, digits: number | undefined): string {
  const number = numberOf(need(value))
  if (number === undefined) throw failure(`a number is needed for %${kind}, got ${typeName(value)}`)
  if (kind === 'd') return printNumber(Math.trunc(number), false)
  if (kind === 'f' || kind === 'F') return fixedText(number, digits ?? 6)
  if (kind === 'n') return digits === undefined ? printNumber(number, isFloat(value)) : general(number, digits)
  if (kind === 'g') return general(number, digits ?? 6)
  if (kind === 'e' || kind === 'E') {
    const text = number.toExponential(digits ?? 6).replace(/e([-+])(\d)$/, 'e$10$2')
    return kind === 'E' ? text.toUpperCase() : text
  }
  if (!Number.isInteger(number) || isFloat(value)) throw failure(`a whole number is needed for %${kind}`)
  const text = number.toString(kind === 'o' ? 8 : 16)
  return kind === 'X' ? text.toUpperCase() : text
}

function general(number: number, digits: number): string {
  const rounded = Number(number.toPrecision(Math.max(1, digits)))
  const power = rounded === 0 ? 0 : Math.floor(Math.log10(Math.abs(rounded)))
  if (power < -4 || power >= Math.max(1, digits)) return rounded.toExponential().replace(/e([-+])(\d)$/, 'e$10$2')
  return String(rounded)
}
