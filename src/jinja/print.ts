// How values look in text: Python's str() and repr(), and JSON as Python's json.dumps writes it.
import {
  type Budget,
  failure,
  isDict,
  isFloat,
  isNothing,
  isTuple,
  need,
  numberOf,
  typeName,
  type Value,
} from './values.ts'

/** Text of a value in a template, as Python's str(). Throws `template` on undefined. */
export function printText(value: Value, budget: Budget): string {
  if (typeof value === 'string') return value
  if (isNothing(value)) return ''
  return repr(need(value), budget)
}

/** Python's repr(). */
export function repr(value: Value, budget: Budget): string {
  const text = reprOf(value, budget)
  budget.spend(1, text.length)
  return text
}

function reprOf(value: Value, budget: Budget): string {
  if (value === null) return 'None'
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  if (typeof value === 'string') return quote(value)
  const number = numberOf(need(value))
  if (number !== undefined) return printNumber(number, isFloat(value))
  if (typeof value === 'function') throw failure('a method is no value: call it with ()')
  if (Array.isArray(value)) {
    const items = value.map(item => repr(item, budget)).join(', ')
    if (!isTuple(value)) return `[${items}]`
    return value.length === 1 ? `(${items},)` : `(${items})`
  }
  if (!isDict(value)) throw failure('a namespace is no value: use one of its attributes')
  return `{${Object.entries(value)
    .map(([key, item]) => `${quote(key)}: ${repr(item, budget)}`)
    .join(', ')}}`
}

/** A number as Python prints it: `5`, `5.0`, `1e+16`, `1e-05`. */
export function printNumber(value: number, asFloat: boolean): string {
  if (!asFloat) return Number.isSafeInteger(value) ? String(value) : BigInt(value).toString()
  if (Object.is(value, -0)) return '-0.0'
  if (value === 0) return '0.0'
  const [digits, exponent] = value.toExponential().split('e') as [string, string]
  const power = Number(exponent)
  if (power < -4 || power >= 16) {
    const size = String(Math.abs(power)).padStart(2, '0')
    return `${digits}e${power < 0 ? '-' : '+'}${size}`
  }
  if (Number.isInteger(value)) return `${BigInt(value)}.0`
  if (power >= 0) return String(value)
  const fraction = digits.replace(/[-.]/g, '')
  return `${value < 0 ? '-' : ''}0.${'0'.repeat(-power - 1)}${fraction}`
}

/** With that many decimals; the exact binary value is rounded, a tie to the even digit, as in Python. */
export function fixedText(value: number, decimals: number): string {
  const away = value.toFixed(decimals)
  if (Math.abs(value) >= 1e21) return away
  const exact = value.toFixed(Math.min(100, decimals + 60))
  const end = exact.indexOf('.') + 1 + decimals
  if (!/^50*$/.test(exact.slice(end))) return away
  const toward = exact.slice(0, decimals === 0 ? end - 1 : end)
  return Number(toward.at(-1)) % 2 === 0 ? toward : away
}

const NAMED: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\\': '\\\\' }

function quote(text: string): string {
  const mark = text.includes("'") && !text.includes('"') ? '"' : "'"
  let out = mark
  for (const char of text) {
    if (NAMED[char] !== undefined) out += NAMED[char]
    else if (char === mark) out += `\\${mark}`
    else if (/[\p{C}\p{Z}]/u.test(char) && char !== ' ') out += escapeCode(char.codePointAt(0)!)
    else out += char
  }
  return out + mark
}

function escapeCode(code: number): string {
  if (code < 0x100) return `\\x${code.toString(16).padStart(2, '0')}`
  return code < 0x10000 ? `\\u${code.toString(16).padStart(4, '0')}` : `\\U${code.toString(16).padStart(8, '0')}`
}

export interface JsonStyle {
  indent?: number
  sortKeys?: boolean
  /** Escape everything beyond ASCII. */
  ascii?: boolean
}

/** JSON with Python's separators. Throws `template` on undefined. */
export function printJson(value: Value, budget: Budget, style: JsonStyle = {}, depth = 0): string {
  const text = jsonOf(need(value), budget, style, depth)
  budget.spend(1, text.length)
  return text
}

function jsonOf(value: Value, budget: Budget, style: JsonStyle, depth: number): string {
  if (typeof value === 'string') return jsonText(value, style)
  const number = typeof value === 'boolean' ? undefined : numberOf(value)
  if (number !== undefined) return printNumber(number, isFloat(value))
  if (value === null || typeof value === 'boolean') return String(value)
  const inner = (item: Value) => printJson(item, budget, style, depth + 1)
  const parts = Array.isArray(value) ? value.map(inner) : dictParts(value, inner, style)
  const [open, close] = Array.isArray(value) ? ['[', ']'] : ['{', '}']
  if (style.indent === undefined || parts.length === 0) return open + parts.join(', ') + close
  budget.spend(0, parts.length * style.indent * (depth + 1))
  const line = `\n${' '.repeat(style.indent * (depth + 1))}`
  return `${open + line + parts.join(`,${line}`)}\n${' '.repeat(style.indent * depth)}${close}`
}

function dictParts(value: Value, inner: (item: Value) => string, style: JsonStyle): string[] {
  if (!isDict(value)) throw failure(`${typeName(value)} has no JSON form`)
  const keys = Object.keys(value)
  if (style.sortKeys) keys.sort()
  return keys.map(key => `${jsonText(key, style)}: ${inner(value[key])}`)
}

function jsonText(text: string, style: JsonStyle): string {
  const json = JSON.stringify(text)
  if (!style.ascii) return json
  return json.replace(/[\x7f-\uffff]/g, char => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
