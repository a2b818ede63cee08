// Matching nested grains or pillar against `key:key:pattern`, with the results of Salt's subdict_match: the delimiter may
// be part of the value, a list is looked through, `*` stands for any key on a level, `key:*` asks whether the key is there.
import { isObject } from '../../base/json.ts'
import type { Budget } from './budget.ts'
import { traverse } from './traverse.ts'

/** Matches the text of one value. */
export type MatchText = (text: string) => boolean

export interface DataPattern {
  /** The expression, split at its delimiter. */
  parts: readonly string[]
  /** The parts from `index` on, as they were written. */
  rest(index: number): string
  /** A matcher of that text as pattern. */
  matcher(index: number): MatchText
  budget: Budget
}

type Data = Readonly<Record<string, unknown>>

export function matchData(data: Data, pattern: DataPattern): boolean {
  const { parts, rest, matcher, budget } = pattern
  // Maps that were tried in vain, by the part that was next: long keys reach them again on many ways.
  const failed: Set<unknown>[] | undefined = parts.length > 3 ? parts.map(() => new Set()) : undefined

  const matchUnder = (map: Data, from: number): boolean => {
    for (let at = parts.length - 1; at > from; at--) {
      const everyKey = at === from + 1 && parts[from] === '*'
      const found = everyKey ? { value: map } : traverse(map, parts.slice(from, at))
      if (found && matchFound(found.value, everyKey ? from : at)) return true
    }
    return false
  }

  const matchFound = (value: unknown, from: number): boolean => {
    if (isObject(value)) return Object.keys(value).length > 0 && matchMap(value, from)
    if (!Array.isArray(value)) return matchValue(value, from)
    return value.some(item => (isObject(item) && matchMap(item, from)) || matchValue(item, from))
  }

  const matchMap = (map: Data, start: number): boolean => {
    budget.check()
    if (failed?.[start]?.has(map)) return false
    const wild = parts[start] === '*' && start < parts.length - 1
    const from = wild ? start + 1 : start
    const key = rest(from)
    if (key === '*' || Object.hasOwn(map, key) || matchUnder(map, from)) return true
    if (wild && Object.values(map).some(value => matchBelow(value, from))) return true
    failed?.[start]?.add(map)
    return false
  }

  const matchBelow = (value: unknown, from: number): boolean => {
    if (isObject(value)) return matchMap(value, from)
    return Array.isArray(value) ? value.some(item => matchValue(item, from)) : matchValue(value, from)
  }

  /** A list within a list is looked through; a map is no text. */
  const matchValue = (value: unknown, from: number): boolean => {
    if (Array.isArray(value)) return value.some(item => matchValue(item, from))
    return !isObject(value) && matcher(from)(pythonText(value))
  }

  return matchUnder(data, 0)
}

const pythonText = (value: unknown): string => (value === null ? 'None' : String(value))
