// Readers of the small values that rules are made of. Each reports what does not fit, with what was expected, and then
// gives undefined.
import { parseDuration } from '../../base/duration.ts'
import { errorMessage } from '../../base/errors.ts'
import { isObject } from '../../base/json.ts'
import { didYouMean } from '../../base/suggest.ts'
import { type Path, type Report, show, textOf } from './path.ts'
import { isConstant, templateProblems } from './template.ts'
import type { Vocabulary } from './vocabulary.ts'

const LONGEST_MS = 366 * 86_400_000

/** The name of the value at a path, for messages. */
const nameOf = (path: Path): string => `'${path.filter(step => typeof step === 'string').at(-1)}'`

/** A map with no other keys than `keys`; `example` shows one as it is written. */
export function readMap(
  value: unknown,
  path: Path,
  keys: readonly string[],
  example: string,
  report: Report,
): Record<string, unknown> | undefined {
  if (!isObject(value)) {
    report(path, `${nameOf(path)} is a map such as ${example}, got ${show(value)}`)
    return undefined
  }
  for (const key of Object.keys(value))
    if (!keys.includes(key))
      report(
        [...path, key],
        `unknown key '${key}' in ${nameOf(path)}.${didYouMean(key, keys) || ` The keys are ${keys.join(', ')}`}`,
        'key',
      )
  return value
}

/** Milliseconds. A missing one is reported at its map, whose key `path` ends with. */
export function readSpan(value: unknown, path: Path, report: Report): number | undefined {
  if (value === undefined) {
    report(
      path.slice(0, -1),
      `${nameOf(path)} is missing in ${nameOf(path.slice(0, -1))}: a duration such as 30s, 5m or 2h`,
      'key',
    )
    return undefined
  }
  if (typeof value !== 'string' && typeof value !== 'number') {
    report(path, `${nameOf(path)} is a duration such as 30s, 5m or 2h, got ${show(value)}`)
    return undefined
  }
  try {
    const ms = parseDuration(typeof value === 'string' ? value.trim() : value)
    if (ms >= 1 && ms <= LONGEST_MS) return ms
    report(path, `${nameOf(path)} is longer than 0 and at most 366d, got ${show(value)}`)
  } catch (error) {
    report(path, `${nameOf(path)}: ${errorMessage(error)}`)
  }
  return undefined
}

/** A whole number of at least `least`; undefined where there is none. */
export function readInt(value: unknown, path: Path, least: number, report: Report): number | undefined {
  if (value === undefined) return undefined
  if (Number.isSafeInteger(value) && (value as number) >= least) return value as number
  const range = least === Number.MIN_SAFE_INTEGER ? '' : ` from ${least} up`
  report(path, `${nameOf(path)} is a whole number${range}, got ${show(value)}`)
  return undefined
}

/** One of `words`; undefined where there is none. */
export function readWord<T extends string>(
  value: unknown,
  path: Path,
  words: readonly T[],
  report: Report,
): T | undefined {
  if (value === undefined) return undefined
  if ((words as readonly unknown[]).includes(value)) return value as T
  const listed = words.length === 1 ? words[0] : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`
  report(path, `${nameOf(path)} is ${listed}, got ${show(value)}.${didYouMean(textOf(value), words)}`)
  return undefined
}

/** True, or undefined for false and for nothing at all. */
export function readFlag(value: unknown, path: Path, report: Report): true | undefined {
  if (value === true) return true
  if (value !== undefined && value !== false) report(path, `${nameOf(path)} is true or false, got ${show(value)}`)
  return undefined
}

/** A template by whose text events are told apart; undefined where there is none. */
export function readBy(value: unknown, path: Path, vocabulary: Vocabulary, report: Report): string | undefined {
  if (value === undefined) return undefined
  if (typeof value !== 'string') {
    report(path, `${nameOf(path)} is a template such as "{{ origin }}", got ${show(value)}`)
    return undefined
  }
  if (isConstant(value)) {
    const meant = vocabulary.names.includes(value.split('.')[0]!) ? `{{ ${value} }}` : '{{ origin }}'
    report(
      path,
      `${nameOf(path)} is a template such as "${meant}", got ${show(value)}, which is the same for every event`,
    )
    return undefined
  }
  for (const problem of templateProblems(value, vocabulary)) report(path, `${nameOf(path)}: ${problem.message}`)
  return value
}
