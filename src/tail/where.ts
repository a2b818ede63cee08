// `--where`: one comparison on the tag, the origin or a path in the data. Values are globs, `~` is a regular expression.
import vm from 'node:vm'
import { errorMessage, ReactorError } from '../base/errors.ts'
import { isObject } from '../base/json.ts'
import { matchPieces, parsePieces } from '../protocol/glob-segment.ts'
import { createTagFilter } from './filter.ts'

export interface Seen {
  tag: string
  origin: string
  data: Record<string, unknown>
}

export type Where = (event: Seen) => boolean

const FORM = /^\s*([^\s=!~<>]+)\s*(!=|!~|>=|<=|=|~|>|<)\s*(.*?)\s*$/s
const HELP = "write for example 'data.id=web*', 'data.retcode!=0', 'tag~^deploy/', 'data.load.1m>2'"
const REGEX_MS = 100

/** All of the conditions. Throws `usage` on one that cannot be read; `warn` is told once of a regular expression that takes too long. */
export function parseWhere(conditions: readonly string[], warn: (line: string) => void): Where {
  const tests = conditions.map(text => parseOne(text, warn))
  return event => tests.every(test => test(event))
}

function parseOne(text: string, warn: (line: string) => void): Where {
  const found = FORM.exec(text)
  if (!found) throw usage(text, 'a path, an operator (= != ~ !~ > >= < <=) and a value were expected')
  const [, path, operator, wanted] = found as unknown as [string, string, string, string]
  const read = reader(text, path)
  const negated = operator.startsWith('!')
  const test = comparison(text, path, negated ? operator.slice(1) : operator, wanted, warn)
  return event => read(event).some(test) !== negated
}

/** The values at a path: one, none, or each of a list that the path runs into. */
function reader(text: string, path: string): (event: Seen) => unknown[] {
  if (path === 'tag') return event => [event.tag]
  if (path === 'origin') return event => [event.origin]
  const [root, ...keys] = path.split('.')
  if (root !== 'data' || keys.length === 0 || keys.includes(''))
    throw usage(text, `'${path}' is no field: there are tag, origin and data.<key>[.<key>…]`)
  return event => {
    const found = follow(event.data, keys)
    return found.length === 0 ? [undefined] : found
  }
}

function follow(value: unknown, keys: readonly string[]): unknown[] {
  const [key, ...rest] = keys
  if (Array.isArray(value)) {
    if (key !== undefined && /^\d+$/.test(key)) return follow(value[Number(key)], rest)
    return value.flatMap(item => follow(item, keys))
  }
  if (key === undefined) return value === undefined ? [] : [value]
  if (!isObject(value)) return []
  const direct = Object.hasOwn(value, key) ? follow(value[key], rest) : []
  // A key may hold dots itself, such as a file's name.
  const whole = keys.join('.')
  return direct.length === 0 && rest.length > 0 && Object.hasOwn(value, whole) ? follow(value[whole], []) : direct
}

function comparison(
  text: string,
  path: string,
  operator: string,
  wanted: string,
  warn: (line: string) => void,
): (value: unknown) => boolean {
  if (operator === '=') return path === 'tag' ? tagEquals(text, wanted) : equals(text, wanted)
  if (operator === '~') return matchesRegex(text, wanted, warn)
  const limit = Number(wanted)
  if (wanted === '' || Number.isNaN(limit)) throw usage(text, `'${operator}' compares numbers, and '${wanted}' is none`)
  return value => {
    const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
    if (typeof number !== 'number' || Number.isNaN(number)) return false
    if (operator === '>') return number > limit
    if (operator === '<') return number < limit
    return operator === '>=' ? number >= limit : number <= limit
  }
}

function tagEquals(text: string, wanted: string): (value: unknown) => boolean {
  const matches = orUsage(text, () => createTagFilter([wanted]))
  return value => matches.tag(String(value))
}

/** In a value `*` stands for any characters, `/` included. An empty value is an empty text, null, or nothing at all. */
function equals(text: string, wanted: string): (value: unknown) => boolean {
  if (wanted === '') return value => value === undefined || value === null || value === ''
  const pieces = orUsage(text, () => parsePieces(wanted))
  return value => {
    const plain = textOf(value)
    return plain !== undefined && matchPieces(pieces, plain, { crossSlash: true })
  }
}

/** Run with a time limit: what minions send must not be able to keep the expression busy for ever. */
function matchesRegex(text: string, wanted: string, warn: (line: string) => void): (value: unknown) => boolean {
  const regex = orUsage(text, () => new RegExp(wanted, 'u'))
  const context: { regex: RegExp; text: string } = { regex, text: '' }
  const sandbox = vm.createContext(context)
  const script = new vm.Script('regex.test(text)')
  let told = false
  return value => {
    const plain = textOf(value)
    if (plain === undefined) return false
    context.text = plain
    try {
      return script.runInContext(sandbox, { timeout: REGEX_MS }) as boolean
    } catch (error) {
      if (!told)
        warn(
          `--where '${text}' took longer than ${REGEX_MS} ms on a value and counts as not matching there (${errorMessage(error)})`,
        )
      told = true
      return false
    }
  }
}

function textOf(value: unknown): string | undefined {
  if (value === undefined || isObject(value)) return undefined
  return typeof value === 'string' ? value : String(value)
}

function orUsage<T>(text: string, make: () => T): T {
  try {
    return make()
  } catch (error) {
    throw usage(text, errorMessage(error))
  }
}

const usage = (text: string, problem: string) => new ReactorError('usage', `--where '${text}': ${problem}; ${HELP}`)
