// `when`: json-rules-engine's conditions compiled into one closure. What differs from the engine, on purpose: a fact or
// path that is missing is undefined, and a comparison that the engine would throw on (`in` with no list) is false.
import { Rule, type TopLevelCondition } from 'json-rules-engine'
import { errorMessage, ReactorError } from '../../base/errors.ts'
import { isObject } from '../../base/json.ts'
import { didYouMean } from '../../base/suggest.ts'
import { FACT_NAMES, type FactName, type Facts, parsePath, readPath } from './facts.ts'
import { DECORATORS, OPERATORS } from './operators.ts'
import { formatPath, type Path, type Report, show } from './path.ts'

/** Where in `when` something is wrong (keys and indexes from its root) and what. */
export interface ConditionProblem {
  path: Path
  message: string
  /** The message speaks of the key at that path and not of its value. */
  at?: 'key'
}

type Test = (facts: Facts) => boolean
type Read = (facts: Facts) => unknown

const BOOLEANS = ['all', 'any', 'not'] as const
const GROUP_KEYS = [...BOOLEANS, 'name', 'priority']
const LEAF_KEYS = ['fact', 'path', 'operator', 'value', 'name', 'priority']

/** Compiles conditions; the root is one of `all`, `any`, `not`. Throws `bad_rule` with the first problem. */
export function compileConditions(when: unknown): Test {
  let first: ConditionProblem | undefined
  const test = group(when, [], (path, message) => {
    first ??= { path, message }
  })
  if (first) throw new ReactorError('bad_rule', `when${formatPath(first.path)}: ${first.message}`)
  return test
}

/** Everything that is wrong with the conditions of `rule`; empty when they compile and the engine would take them. */
export function conditionProblems(when: unknown, rule: string): ConditionProblem[] {
  const problems: ConditionProblem[] = []
  group(when, [], (path, message, at) => problems.push({ path, message, ...(at && { at }) }))
  if (problems.length > 0) return problems
  try {
    // A copy, for the engine writes into what it is given.
    new Rule({ conditions: structuredClone(when) as TopLevelCondition, event: { type: rule } })
  } catch (error) {
    problems.push({ path: [], message: `json-rules-engine refuses these conditions: ${errorMessage(error)}` })
  }
  return problems
}

function group(node: unknown, path: Path, report: Report): Test {
  const kind = isObject(node) ? BOOLEANS.find(key => Object.hasOwn(node, key)) : undefined
  if (isObject(node) && kind !== undefined) return compileGroup(node, kind, path, report)
  const named = isObject(node) && Object.hasOwn(node, 'condition')
  report(path, named ? 'named conditions are not available' : "conditions begin with one of 'all', 'any' or 'not'")
  return never
}

function condition(node: unknown, path: Path, report: Report): Test {
  if (!isObject(node)) {
    report(path, `a condition is a map with fact, operator and value, got ${show(node)}`)
    return never
  }
  if (Object.hasOwn(node, 'condition') || BOOLEANS.some(key => Object.hasOwn(node, key)))
    return group(node, path, report)
  return compileLeaf(node, path, report)
}

function compileGroup(
  node: Record<string, unknown>,
  kind: (typeof BOOLEANS)[number],
  path: Path,
  report: Report,
): Test {
  for (const key of Object.keys(node)) {
    if (key === kind || key === 'name') continue
    const known = GROUP_KEYS.includes(key)
    if (key === 'priority') checkPriority(node, path, report)
    else if (known) report([...path, key], `'${key}' stands beside '${kind}': a map holds one of them`, 'key')
    else report([...path, key], `unknown key '${key}' beside '${kind}'.${didYouMean(key, GROUP_KEYS)}`, 'key')
  }
  const inner = node[kind]
  if (kind === 'not') {
    const test = condition(inner, [...path, kind], report)
    return facts => !test(facts)
  }
  if (!Array.isArray(inner) || inner.length === 0) {
    report([...path, kind], `'${kind}' holds a list of at least one condition, got ${show(inner)}`)
    return never
  }
  // The engine evaluates by priority; without asynchronous facts the order cannot be seen, so it is that of the file.
  const tests = inner.map((child, index) => condition(child, [...path, kind, index], report))
  if (tests.length === 1) return tests[0]!
  if (kind === 'all') {
    return facts => {
      for (let i = 0; i < tests.length; i++) if (!tests[i]!(facts)) return false
      return true
    }
  }
  return facts => {
    for (let i = 0; i < tests.length; i++) if (tests[i]!(facts)) return true
    return false
  }
}

function compileLeaf(node: Record<string, unknown>, path: Path, report: Report): Test {
  for (const key of Object.keys(node)) {
    if (key === 'params') report([...path, key], "'params' is for computed facts, and there are none", 'key')
    else if (!LEAF_KEYS.includes(key))
      report([...path, key], `unknown key '${key}' in a condition.${didYouMean(key, LEAF_KEYS)}`, 'key')
  }
  for (const key of ['fact', 'operator', 'value'])
    if (!Object.hasOwn(node, key)) report(path, `this condition has no '${key}'`)
  checkPriority(node, path, report)
  const left = Object.hasOwn(node, 'fact') ? reader(node, path, report) : never
  const value = node.value
  const fromFact = isObject(value) && Object.hasOwn(value, 'fact')
  const right = fromFact ? reader(value, [...path, 'value'], report) : undefined
  if (typeof value === 'string' && /\{\{|\{%/.test(value))
    report(
      [...path, 'value'],
      'templates have no place in conditions: compare with another fact by value: { fact, path }',
    )
  if (!Object.hasOwn(node, 'operator')) return never
  const compare = operator(node.operator, [...path, 'operator'], report) as (a: unknown, b: unknown) => boolean
  if (!fromFact && /(^|:)(in|notIn)$/.test(String(node.operator)) && !String(node.operator).includes(':')) {
    if (!Array.isArray(value) && typeof value !== 'string')
      report([...path, 'value'], `'${node.operator}' needs a list, got ${show(value)}`)
  }
  return facts => {
    try {
      return compare(left(facts), right === undefined ? value : right(facts))
    } catch {
      // The operators are the engine's own and throw on values they are not made for; such a comparison is false.
      return false
    }
  }
}

function operator(name: unknown, path: Path, report: Report): (a: never, b: never) => boolean {
  const [last, ...decorators] = String(name).split(':').reverse()
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

/** Reads `{fact, path}`. */
function reader(node: Record<string, unknown>, path: Path, report: Report): Read {
  const fact = node.fact as FactName
  if (!FACT_NAMES.includes(fact)) {
    report(
      [...path, 'fact'],
      `unknown fact ${show(fact)}.${didYouMean(String(fact), FACT_NAMES)} (${FACT_NAMES.join(', ')})`,
    )
    return never
  }
  if (node.path === undefined) return facts => facts[fact]
  if (fact !== 'data' && fact !== 'minion') {
    report([...path, 'path'], `'${fact}' is a string and has nothing inside: leave 'path' out`)
    return never
  }
  const steps = parsePath(node.path)
  if (steps === undefined) {
    const example = "write a JSONPath of names and indexes, for example $.load[0] or $['a.b']"
    report([...path, 'path'], `${show(node.path)} is not a path that can be used: ${example}`)
    return never
  }
  return readPath(fact, steps)
}

function checkPriority(node: Record<string, unknown>, path: Path, report: Report): void {
  if (Object.hasOwn(node, 'priority') && !(Number.isInteger(node.priority) && (node.priority as number) > 0))
    report([...path, 'priority'], `'priority' is a whole number from 1 up, got ${show(node.priority)}`)
}

function never(): boolean {
  return false
}
