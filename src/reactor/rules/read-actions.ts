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
  const keys = isObject(item) ? Object.keys(item) : []
  const name = typeof item === 'string' ? item : keys[0]
  if (name === undefined || keys.length > 1) {
    const several = keys.length > 1 ? `; this one has ${keys.length} keys: begin each function with its own '-'` : ''
    report(path, `an action is one kind.module.function: arguments${several}`)
    return undefined
  }
  const own: Path = isObject(item) ? [...path, name] : path
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
  const params = isObject(item) ? item[name] : null
  readParams(known, params, (inner, message, at) => report([...own, ...inner], `${name}: ${message}`, at))
  for (const problem of templateProblems(params, vocabulary))
    report([...own, ...problem.path], `${name}: ${problem.message}`)
  return { kind: known, fun, params }
}
