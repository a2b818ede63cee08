// `when`: json-rules-engine's conditions compiled into closures, one that decides, and one that says whether they may hold
// before the facts are there that have to be looked up.
import { Rule, type TopLevelCondition } from 'json-rules-engine'
import { errorMessage, ReactorError } from '../../base/errors.ts'
import { isObject } from '../../base/json.ts'
import { didYouMean } from '../../base/suggest.ts'
import { checkPriority, compileLeaf, never } from './condition-leaf.ts'
import type { Facts, Lookup } from './facts.ts'
import { formatPath, type Path, type Report, show } from './path.ts'
import { type Vocabulary, vocabularyOf } from './vocabulary.ts'

/** Where in `when` something is wrong (keys and indexes from its root) and what. */
export interface ConditionProblem {
  path: Path
  message: string
  /** The message speaks of the key at that path and not of its value. */
  at?: 'key'
}

type Test = (facts: Facts) => boolean

export interface Conditions {
  decide: Test
  /** False: they fail whatever the look-ups give; where there are none it is `decide` itself. */
  mayHold: Test
  /** Without repeats. */
  lookups: readonly Lookup[]
}

/** What is sure before the look-ups: that it may hold, that it must. All three are one where nothing is looked up. */
interface Bounds {
  decide: Test
  may: Test
  must: Test
}

interface Reading {
  vocabulary: Vocabulary
  lookups: Lookup[]
  report: Report
}

const BOOLEANS = ['all', 'any', 'not'] as const
type Kind = (typeof BOOLEANS)[number]
const GROUP_KEYS = [...BOOLEANS, 'name', 'priority']
const PLAIN = vocabularyOf('when', [])

/** Compiles conditions; the root is one of `all`, `any`, `not`. Throws `bad_rule` with the first problem. */
export function compileConditions(when: unknown, vocabulary: Vocabulary = PLAIN): Conditions {
  let first: ConditionProblem | undefined
  const lookups: Lookup[] = []
  const report: Report = (path, message) => {
    first ??= { path, message }
  }
  const { decide, may } = group(when, [], { vocabulary, lookups, report })
  if (first) throw new ReactorError('bad_rule', `when${formatPath(first.path)}: ${first.message}`)
  return { decide, mayHold: may, lookups }
}

/** Everything that is wrong with the conditions of `rule`; empty when they compile and the engine would take them. */
export function conditionProblems(when: unknown, rule: string, vocabulary: Vocabulary = PLAIN): ConditionProblem[] {
  const problems: ConditionProblem[] = []
  const report: Report = (path, message, at) => problems.push({ path, message, ...(at && { at }) })
  group(when, [], { vocabulary, lookups: [], report })
  if (problems.length > 0) return problems
  try {
    // A copy, for the engine writes into what it is given.
    new Rule({ conditions: structuredClone(when) as TopLevelCondition, event: { type: rule } })
  } catch (error) {
    problems.push({ path: [], message: `json-rules-engine refuses these conditions: ${errorMessage(error)}` })
  }
  return problems
}

function group(node: unknown, path: Path, reading: Reading): Bounds {
  const kind = isObject(node) ? BOOLEANS.find(key => Object.hasOwn(node, key)) : undefined
  if (isObject(node) && kind !== undefined) return compileGroup(node, kind, path, reading)
  const named = isObject(node) && Object.hasOwn(node, 'condition')
  reading.report(
    path,
    named ? 'named conditions are not available' : "conditions begin with one of 'all', 'any' or 'not'",
  )
  return same(never)
}

function condition(node: unknown, path: Path, reading: Reading): Bounds {
  if (!isObject(node)) {
    reading.report(path, `a condition is a map with fact, operator and value, got ${show(node)}`)
    return same(never)
  }
  if (Object.hasOwn(node, 'condition') || BOOLEANS.some(key => Object.hasOwn(node, key)))
    return group(node, path, reading)
  const { decide, lookups } = compileLeaf(node, path, reading.vocabulary, reading.report)
  if (lookups.length === 0) return same(decide)
  reading.lookups.push(...lookups)
  return { decide, may: always, must: never }
}

function compileGroup(node: Record<string, unknown>, kind: Kind, path: Path, reading: Reading): Bounds {
  const { report } = reading
  for (const key of Object.keys(node)) {
    if (key === kind || key === 'name') continue
    const known = GROUP_KEYS.includes(key)
    if (key === 'priority') checkPriority(node, path, report)
    else if (known) report([...path, key], `'${key}' stands beside '${kind}': a map holds one of them`, 'key')
    else report([...path, key], `unknown key '${key}' beside '${kind}'.${didYouMean(key, GROUP_KEYS)}`, 'key')
  }
  const inner = node[kind]
  if (kind === 'not') {
    const { decide, may, must } = condition(inner, [...path, kind], reading)
    const decided: Test = facts => !decide(facts)
    return may === decide ? same(decided) : { decide: decided, may: facts => !must(facts), must: facts => !may(facts) }
  }
  if (!Array.isArray(inner) || inner.length === 0) {
    report([...path, kind], `'${kind}' holds a list of at least one condition, got ${show(inner)}`)
    return same(never)
  }
  // The engine evaluates by priority; as conditions have no effect, the order cannot be seen, so it is that of the file.
  const tests = inner.map((child, index) => condition(child, [...path, kind, index], reading))
  const decide = joined(
    kind,
    tests.map(test => test.decide),
  )
  if (tests.every(test => test.may === test.decide)) return same(decide)
  return {
    decide,
    may: joined(
      kind,
      tests.map(test => test.may),
    ),
    must: joined(
      kind,
      tests.map(test => test.must),
    ),
  }
}

function joined(kind: 'all' | 'any', tests: readonly Test[]): Test {
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

const same = (decide: Test): Bounds => ({ decide, may: decide, must: decide })

function always(): boolean {
  return true
}
