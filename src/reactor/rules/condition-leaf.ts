// One comparison of `when`, `{fact, operator, value}`, compiled into a closure. What differs from json-rules-engine, on
// purpose: a fact or path that is missing is undefined, also in a value that has no inside, and a comparison that the engine
// would throw on is false.
import { isObject } from '../../base/json.ts'
import { didYouMean } from '../../base/suggest.ts'
import { FACT_NAMES, type FactName, type Facts, type Lookup, parsePath, readFact, readPath } from './facts.ts'
import { DECORATORS, numberOf, OPERATORS, ORDERING } from './operators.ts'
import { type Path, type Report, show, textOf } from './path.ts'
import type { Vocabulary } from './vocabulary.ts'

export interface Leaf {
  decide(facts: Facts): boolean
  /** Facts that have to be looked up before it can be decided; mostly none. */
  lookups: readonly Lookup[]
}

type Read = (facts: Facts) => unknown

const LEAF_KEYS = ['fact', 'params', 'path', 'operator', 'value', 'name', 'priority']
/** The engine takes no other keys as a fact to compare with. */
const VALUE_KEYS = ['fact', 'params', 'path']
/** Facts with something inside; the others of the language are text. */
const DEEP: ReadonlySet<string> = new Set<FactName>(['data', 'minion', 'job'])

export function compileLeaf(node: Record<string, unknown>, path: Path, vocabulary: Vocabulary, report: Report): Leaf {
  for (const key of Object.keys(node))
    if (!LEAF_KEYS.includes(key))
      report([...path, key], `unknown key '${key}' in a condition.${didYouMean(key, LEAF_KEYS)}`, 'key')
  for (const key of ['fact', 'operator', 'value'])
    if (!Object.hasOwn(node, key)) report(path, `this condition has no '${key}'`)
  checkPriority(node, path, report)
  const lookups: Lookup[] = []
  const left = Object.hasOwn(node, 'fact') ? reader(node, path, vocabulary, lookups, report) : never
  const value = node.value
  const other = isObject(value) && Object.hasOwn(value, 'fact') ? value : undefined
  const right = other && reader(other, [...path, 'value'], vocabulary, lookups, report)
  for (const key of Object.keys(other ?? {}))
    if (!VALUE_KEYS.includes(key))
      report([...path, 'value', key], `unknown key '${key}' beside 'fact'.${didYouMean(key, VALUE_KEYS)}`, 'key')
  if (isTemplate(value))
    report(
      [...path, 'value'],
      'templates have no place in conditions: compare with another fact by value: { fact, path }',
    )
  if (!Object.hasOwn(node, 'operator')) return { decide: never, lookups: [] }
  const compare = operator(node.operator, [...path, 'operator'], report) as (a: unknown, b: unknown) => boolean
  if (!right && /^(in|notIn)$/.test(textOf(node.operator)) && !Array.isArray(value) && typeof value !== 'string')
    report([...path, 'value'], `'${node.operator}' needs a list, got ${show(value)}`)
  if (
    !right &&
    Object.hasOwn(node, 'value') &&
    Object.hasOwn(ORDERING, textOf(node.operator)) &&
    numberOf(value) === undefined
  )
    report([...path, 'value'], `'${node.operator}' needs a number, got ${show(value)}`)
  return {
    lookups,
    decide(facts) {
      try {
        return compare(left(facts), right === undefined ? value : right(facts))
      } catch {
        // The operators are the engine's own and throw on values they are not made for; such a comparison is false.
        return false
      }
    },
  }
}

/** Both of conditions and of the groups around them. */
export function checkPriority(node: Record<string, unknown>, path: Path, report: Report): void {
  if (Object.hasOwn(node, 'priority') && !(Number.isInteger(node.priority) && (node.priority as number) > 0))
    report([...path, 'priority'], `'priority' is a whole number from 1 up, got ${show(node.priority)}`)
}

export function never(): boolean {
  return false
}

const isTemplate = (value: unknown): boolean => typeof value === 'string' && /\{\{|\{%/.test(value)

function operator(name: unknown, path: Path, report: Report): (a: never, b: never) => boolean {
  const [last, ...decorators] = textOf(name).split(':').reverse()
  let compare = OPERATORS[last!]
  if (typeof name !== 'string' || !compare || !Object.hasOwn(OPERATORS, last!)) {
    report(path, `unknown operator ${show(name)}.${didYouMean(last!, Object.keys(OPERATORS))}`)
    return never
  }
  for (const decorator of decorators) {
    const decorate = Object.hasOwn(DECORATORS, decorator) ? DECORATORS[decorator] : undefined
    if (decorate) compare = decorate(compare)
    else report(path, `unknown operator decorator '${decorator}'.${didYouMean(decorator, Object.keys(DECORATORS))}`)
  }
  return compare
}

const isBuiltIn = (name: string): boolean => (FACT_NAMES as readonly string[]).includes(name)

/** Reads `{fact, params, path}`; what has to be looked up for it is added to `lookups`. */
function reader(
  node: Record<string, unknown>,
  path: Path,
  { names, without }: Vocabulary,
  lookups: Lookup[],
  report: Report,
): Read {
  const fact = node.fact
  if (typeof fact !== 'string' || !names.includes(fact)) {
    // Most often the module folders are not known where it is checked.
    const own = names.every(isBuiltIn) ? '; facts of your own: facts/ in one of the module_dirs' : ''
    const known = `unknown fact ${show(fact)}.${didYouMean(textOf(fact), names)} (${names.join(', ')}${own})`
    report([...path, 'fact'], without.get(textOf(fact)) ?? known)
    return never
  }
  const isOwn = !isBuiltIn(fact)
  const params = readFactParams(node, path, isOwn, report)
  const lookup: Lookup = { fact, ...(params && { params }) }
  if (isOwn || fact === 'job') lookups.push(lookup)
  const whole = readFact(lookup)
  if (node.path === undefined) return whole
  if (!isOwn && !DEEP.has(fact)) {
    report([...path, 'path'], `'${fact}' is a string and has nothing inside: leave 'path' out`)
    return never
  }
  const steps = parsePath(node.path)
  if (steps === undefined) {
    const example = "write a JSONPath of names and indexes, for example $.load[0] or $['a.b']"
    report([...path, 'path'], `${show(node.path)} is not a path that can be used: ${example}`)
    return never
  }
  return readPath(whole, steps)
}

function readFactParams(
  node: Record<string, unknown>,
  path: Path,
  isOwn: boolean,
  report: Report,
): Record<string, unknown> | undefined {
  const { params } = node
  if (params === undefined) return undefined
  if (!isOwn) report([...path, 'params'], `'params' is for facts of your own: '${node.fact}' takes none`, 'key')
  else if (!isObject(params)) report([...path, 'params'], `'params' is a map, got ${show(params)}`)
  else {
    for (const [name, value] of Object.entries(params))
      if (isTemplate(value))
        report([...path, 'params', name], 'templates have no place in conditions: the fact is given the event itself')
    return params
  }
  return undefined
}
