// One YAML document, already plain values, read into a RuleDocument. Everything that does not fit is reported with its
// path; the caller knows where that stands in the file.
import { errorMessage } from '../../base/errors.ts'
import { isObject } from '../../base/json.ts'
import { didYouMean } from '../../base/suggest.ts'
import { JOB_KINDS } from '../../protocol/job.ts'
import { conditionProblems } from './conditions.ts'
import { isExclusion, parseGlob, splitGlobs } from './glob.ts'
import { ALLOW } from './jinja/flow.ts'
import { readParams } from './params.ts'
import type { Path, Report } from './path.ts'
import { FUNCTION_NAME, RULE_NAME, type RuleAction, type RuleDocument, ruleFileSchema } from './schema.ts'
import { templateProblems } from './template.ts'

const KEYS = Object.keys(ruleFileSchema.shape)
/** Keys of the rule language that are agreed and not built yet. */
export const NOT_AVAILABLE: readonly string[] = [
  'throttle',
  'retry',
  'max_targets',
  'mode',
  'count',
  'all_of',
  'absent',
  'group',
  'priority',
  'stop',
  'on_failure',
  'on_unknown',
  'concurrency',
  'lane',
]

/** Reads a document; the result is only to be used when nothing was reported. */
export function readRule(document: unknown, name: string | undefined, report: Report): Omit<RuleDocument, 'source'> {
  const rule: Omit<RuleDocument, 'source'> = { rule: '', on: [], do: [] }
  if (!isObject(document)) {
    report([], "a rule is a map with 'on' and 'do'")
    return rule
  }
  for (const key of Object.keys(document)) {
    if (key === ALLOW) report([key], `'${key}' is a filter, for each value that is meant: {{ data.x | ${key} }}`, 'key')
    else if (NOT_AVAILABLE.includes(key)) report([key], `'${key}' is not available in this version`, 'key')
    else if (!KEYS.includes(key)) report([key], `unknown key '${key}'.${didYouMean(key, KEYS)}`, 'key')
  }
  rule.rule = readName(document, name, report)
  rule.on = readGlobs(document.on, report)
  if (document.when !== undefined) {
    for (const problem of conditionProblems(document.when, rule.rule))
      report(['when', ...problem.path], problem.message, problem.at)
    if (isObject(document.when)) rule.when = document.when
  }
  if (typeof document.description === 'string') rule.description = document.description
  else if (document.description !== undefined) report(['description'], "'description' is text")
  rule.do = readActions(document.do, report)
  return rule
}

function readName(document: Record<string, unknown>, name: string | undefined, report: Report): string {
  const found = document.rule ?? name
  if (typeof found === 'string' && RULE_NAME.test(found)) return found
  const rules = 'letters, digits, _ . - (at most 100, no _ first)'
  if (document.rule !== undefined) report(['rule'], `'${String(document.rule)}' is no rule name: ${rules}`)
  else if (name === undefined) report([], "this document needs a name of its own: add 'rule:'")
  else report([], `the file's name '${name}' is no rule name (${rules}): add 'rule:'`)
  return ''
}

function readGlobs(on: unknown, report: Report): string[] {
  const globs = typeof on === 'string' ? [on] : on
  if (on === undefined) report([], "'on' is missing: say which tags, for example on: salt/auth")
  if (
    on === undefined ||
    !Array.isArray(globs) ||
    globs.length === 0 ||
    !globs.every(glob => typeof glob === 'string')
  ) {
    if (on !== undefined) report(['on'], "'on' is a glob or a list of globs; quote one that begins with * or !")
    return []
  }
  let sound = true
  for (const [index, glob] of globs.entries()) {
    try {
      parseGlob(isExclusion(glob) ? glob.slice(1) : glob)
    } catch (error) {
      sound = false
      report(typeof on === 'string' ? ['on'] : ['on', index], errorMessage(error))
    }
  }
  try {
    if (sound) splitGlobs(globs)
  } catch (error) {
    report(['on'], errorMessage(error))
  }
  return globs
}

function readActions(value: unknown, report: Report): RuleAction[] {
  if (value === undefined) report([], "'do' is missing: say what to call, for example do: [runner.test.arg]")
  else if (Array.isArray(value) && value.length > 0)
    return value.flatMap((item, index) => readAction(item, ['do', index], report) ?? [])
  else if (typeof value === 'string' || isObject(value)) return [readAction(value, ['do'], report) ?? []].flat()
  else report(['do'], "'do' is a list of kind.module.function: arguments")
  return []
}

function readAction(item: unknown, path: Path, report: Report): RuleAction | undefined {
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
  for (const problem of templateProblems(params)) report([...own, ...problem.path], `${name}: ${problem.message}`)
  return { kind: known, fun, params }
}
