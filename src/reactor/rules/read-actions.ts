// The actions of a rule file, under `do` and `on_failure`.
import { isObject } from '../../base/json.ts'
import { didYouMean } from '../../base/suggest.ts'
import { JOB_KINDS } from '../../protocol/job.ts'
import { readParams } from './params.ts'
import type { Path, Report } from './path.ts'
import { FUNCTION_NAME, type RuleAction } from './schema.ts'
import { templateProblems } from './template.ts'
import type { Vocabulary } from './vocabulary.ts'

/** `key` is where they stand in the rule; its templates may name what `vocabulary` holds. */
export function readActions(
  value: unknown,
  key: 'do' | 'on_failure',
  vocabulary: Vocabulary,
  report: Report,
): RuleAction[] {
  if (value === undefined) report([], `'${key}' is missing: say what to call, for example ${key}: [runner.test.arg]`)
  else if (Array.isArray(value) && value.length > 0)
    return value.flatMap((item, index) => readAction(item, [key, index], vocabulary, report) ?? [])
  else if (typeof value === 'string' || isObject(value))
    return [readAction(value, [key], vocabulary, report) ?? []].flat()
  else report([key], `'${key}' is a list of kind.module.function: arguments`)
  return []
}

function readAction(item: unknown, path: Path, vocabulary: Vocabulary, report: Report): RuleAction | undefined {
  const named = readName(item, path, report)
  if (!named) return undefined
  const { action, name, path: own } = named
  readParams(action.kind, action.params, (inner, message, at) => report([...own, ...inner], `${name}: ${message}`, at))
  for (const problem of templateProblems(action.params, vocabulary))
    report([...own, ...problem.path], `${name}: ${problem.message}`)
  return action
}

export interface PlacedAction {
  action: RuleAction
  name: string
  /** Where its parameters stand, or it itself where it has none. */
  path: Path
  /** It has parameters, and so a key. */
  isKey: boolean
}

/** The actions under `key` whose names can be read, in their order, whatever else is wrong with them. */
export function placedActions(value: unknown, key: 'do' | 'on_failure'): PlacedAction[] {
  const items: [unknown, Path][] = Array.isArray(value)
    ? value.map((item, index) => [item, [key, index]])
    : [[value, [key]]]
  return items.flatMap(([item, path]) => readName(item, path, () => undefined) ?? [])
}

function readName(item: unknown, path: Path, report: Report): PlacedAction | undefined {
  const isKey = isObject(item)
  const keys = isKey ? Object.keys(item) : []
  const name = typeof item === 'string' ? item : keys[0]
  if (name === undefined || keys.length > 1) {
    const several = keys.length > 1 ? `; this one has ${keys.length} keys: begin each function with its own '-'` : ''
    report(path, `an action is one kind.module.function: arguments${several}`)
    return undefined
  }
  const own: Path = isKey ? [...path, name] : path
  const [kind, ...rest] = name.split('.')
  const fun = rest.join('.')
  const known = JOB_KINDS.find(one => one === kind)
  if (!known) {
    const near = didYouMean(kind!, JOB_KINDS)
    report(own, `'${name}' begins with '${kind}', not with local, runner or wheel.${near}`, 'key')
    return undefined
  }
  if (!FUNCTION_NAME.test(fun)) {
    report(own, `'${name}' is not ${kind}.module.function, for example ${kind}.test.arg`, 'key')
    return undefined
  }
  return { action: { kind: known, fun, params: isKey ? item[name] : null }, name, path: own, isKey }
}
