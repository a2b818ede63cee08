// Targets of one pattern: glob, pcre, list, ipcidr, and those over grains and pillar.
import { createFnmatch } from '../fnmatch.ts'
import { type MatchText, matchData } from './data.ts'
import { compileNetwork } from './ipcidr.ts'
import { badTarget, show } from './problem.ts'
import { compileRegex } from './regex.ts'
import { type Compiled, type Compiling, MAX_PATTERN, MAX_VALUE, type PlainType, type TargetMinion } from './types.ts'

const MAX_PARTS = 64
const NOTHING_LISTED: readonly string[] = []

type How = 'glob' | 'pcre' | 'exact'

const DATA: Partial<Record<PlainType, readonly ['grains' | 'pillar', How]>> = {
  grain: ['grains', 'glob'],
  grain_pcre: ['grains', 'pcre'],
  pillar: ['pillar', 'glob'],
  pillar_pcre: ['pillar', 'pcre'],
  pillar_exact: ['pillar', 'exact'],
}

/** Throws `bad_argument` on a pattern that does not fit its type. `delimiter` parts the keys of grains and pillar. */
export function compilePlain(type: PlainType, pattern: string, env: Compiling, delimiter = ':'): Compiled {
  const data = DATA[type]
  if (data) return compileData(type, data, pattern, env, delimiter)
  if (type === 'list') return compileList(pattern.split(','))
  if (type === 'ipcidr') {
    const { version, holds } = compileNetwork(pattern.trim())
    return operand(({ grains }) => {
      env.budget.check()
      const known = version === 4 ? grains.ipv4 : grains.ipv6
      return (Array.isArray(known) ? known : [known]).some(address => typeof address === 'string' && holds(address))
    })
  }
  const matches = bounded(type === 'pcre' ? compileRegex(pattern) : compileGlob(pattern), env)
  return operand(({ id }) => matches(id))
}

/** Ids as they stand; throws `bad_argument` when there are none. */
export function compileList(ids: readonly unknown[]): Compiled {
  const wrong = ids.find(id => typeof id !== 'string')
  if (wrong !== undefined) throw badTarget(`a list target holds the ids of minions, got ${show(wrong)} in it`)
  const wanted = new Set((ids as string[]).map(id => id.trim()).filter(Boolean))
  if (wanted.size === 0) throw badTarget('a list target names at least one minion, for example web1,web2')
  return { ...operand(({ id }) => wanted.has(id)), listed: [...wanted].sort() }
}

const operand = (matches: (minion: TargetMinion) => boolean): Compiled => ({
  matches,
  listed: NOTHING_LISTED,
  operands: 1,
  height: 1,
})

/** An id that holds a `[` is also matched by itself. */
function compileGlob(pattern: string): MatchText {
  if (pattern.length > MAX_PATTERN)
    throw badTarget(`the glob ${show(pattern)} has ${pattern.length} characters, at most ${MAX_PATTERN}`)
  if (/^\*+$/.test(pattern)) return () => true
  if (!/[*?[]/.test(pattern)) return text => text === pattern
  const matches = createFnmatch(pattern)
  return text => text === pattern || matches(text)
}

function compileData(
  type: PlainType,
  [source, how]: readonly ['grains' | 'pillar', How],
  expression: string,
  env: Compiling,
  delimiter: string,
): Compiled {
  if (source === 'pillar' && !env.context.pillar)
    throw badTarget(`target type '${type}' needs pillar, which is not known here; grains can be targeted`)
  const parts = expression.split(delimiter)
  const wanted = `key${delimiter}${how === 'pcre' ? 'regex' : how === 'glob' ? 'glob' : 'value'}`
  const got = `got ${show(expression)}`
  if (parts.length < 2) {
    const any = how === 'pcre' ? '.' : '*'
    throw badTarget(
      `a ${type} target is ${wanted}, ${got}; ${show(`${expression}${delimiter}${any}`)} asks for any value`,
    )
  }
  if (parts[0] === '') throw badTarget(`a ${type} target is ${wanted}, ${got}: the key is missing`)
  if (parts.length > MAX_PARTS)
    throw badTarget(`a ${type} target has at most ${MAX_PARTS} parts between '${delimiter}', got ${parts.length}`)
  // A regex of nothing would match every value.
  if (how === 'pcre' && parts.at(-1) === '')
    throw badTarget(`a ${type} target is ${wanted}, ${got}: the regex is empty`)
  const rest = (index: number) => parts.slice(index).join(delimiter)
  const pattern = { parts, rest, matcher: matchers(parts.length, rest, how, env), budget: env.budget }
  return operand(minion => {
    const data = minion[source]
    return data !== undefined && matchData(data, pattern)
  })
}

/**
 * Matchers of the rest from each part on, made when they are first needed. What a delimiter within a regex cuts in two is
 * no regex and matches nothing; but one of them must be one.
 */
function matchers(count: number, rest: (index: number) => string, how: How, env: Compiling) {
  const made: (MatchText | undefined)[] = []
  const make = (index: number): MatchText => {
    env.budget.check()
    return bounded(compileValue(how, rest(index)), env)
  }
  let problem: unknown
  for (let index = 1; index < count; index++) {
    try {
      made[index] = make(index)
      break
    } catch (error) {
      problem ??= error
      made[index] = () => false
      if (index === count - 1) throw problem
    }
  }
  return (index: number): MatchText => {
    made[index] ??= orNothing(() => make(index))
    return made[index]
  }
}

function orNothing(make: () => MatchText): MatchText {
  try {
    return make()
  } catch {
    return () => false
  }
}

/** Values are compared without regard to case, as Salt does. */
function compileValue(how: How, pattern: string): MatchText {
  if (how === 'pcre') return compileRegex(pattern, { ignoreCase: true })
  const lower = pattern.toLowerCase()
  const matches: MatchText = how === 'glob' ? compileGlob(lower) : text => text === lower
  return text => matches(text.toLowerCase())
}

const bounded =
  (matches: MatchText, { budget }: Compiling): MatchText =>
  text => {
    budget.check()
    return text.length <= MAX_VALUE && matches(text)
  }
