// One YAML document, already plain values, read into a RuleDocument. Everything that does not fit is reported with its
// path; the caller knows where that stands in the file.
import { isObject } from '../../base/json.ts'
import { didYouMean } from '../../base/suggest.ts'
import { ALLOW } from '../../jinja/flow.ts'
import { RULE_NAME } from '../../protocol/rule-name.ts'
import { ruleFileSchema } from './file-schema.ts'
import { isExclusion } from './glob.ts'
import { type Report, textOf } from './path.ts'
import { readActions } from './read-actions.ts'
import { readGlobs } from './read-globs.ts'
import { readPolicy } from './read-policy.ts'
import { readStateful, readWhen } from './read-stateful.ts'
import type { RuleDocument } from './schema.ts'
import { statefulKey, vocabularyOf } from './vocabulary.ts'

const KEYS = Object.keys(ruleFileSchema.shape)

/** Reads a document; the result is only to be used when nothing was reported. `facts`: names of the user's own facts. */
export function readRule(
  document: unknown,
  name: string | undefined,
  facts: ReadonlySet<string>,
  report: Report,
): Omit<RuleDocument, 'source'> {
  if (!isObject(document)) {
    report([], "a rule is a map with 'on' and 'do'")
    return { rule: '', on: [], do: [] }
  }
  for (const key of Object.keys(document)) {
    if (key === ALLOW) report([key], `'${key}' is a filter, for each value that is meant: {{ data.x | ${key} }}`, 'key')
    else if (!KEYS.includes(key)) report([key], `unknown key '${key}'.${didYouMean(key, KEYS)}`, 'key')
  }
  const stateful = statefulKey(document)
  const vocabulary = (part: Parameters<typeof vocabularyOf>[0]) =>
    vocabularyOf(part, facts, stateful, document.stop === true)
  const rule = readName(document, name, report)
  const keys = readStateful(document, rule, { when: vocabulary('when'), by: vocabulary('by') }, report)
  const on = readOn(document, keys.all_of, report)
  const when = readWhen(document.when, ['when'], rule, vocabulary('when'), report)
  const { description } = document
  if (description !== undefined && typeof description !== 'string') report(['description'], "'description' is text")
  return {
    rule,
    on,
    ...(when && { when }),
    ...(typeof description === 'string' && { description }),
    do: readActions(document.do, 'do', vocabulary('do'), report),
    ...(document.on_failure !== undefined && {
      on_failure: readActions(document.on_failure, 'on_failure', vocabulary('on_failure'), report),
    }),
    ...readPolicy(document, report),
    ...keys,
  }
}

function readName(document: Record<string, unknown>, name: string | undefined, report: Report): string {
  const found = document.rule ?? name
  if (typeof found === 'string' && RULE_NAME.test(found)) return found
  const rules = 'letters, digits, _ . - (at most 100, no _ first)'
  if (document.rule !== undefined) report(['rule'], `'${textOf(document.rule)}' is no rule name: ${rules}`)
  else if (name === undefined) report([], "this document needs a name of its own: add 'rule:'")
  else report([], `the file's name '${name}' is no rule name (${rules}): add 'rule:'`)
  return ''
}

/** Of `all_of` whatever one of its events may be; which of them it is, each says with its own exclusions. */
function readOn({ on, all_of }: Record<string, unknown>, read: RuleDocument['all_of'], report: Report): string[] {
  if (all_of !== undefined) {
    if (on !== undefined) report(['on'], "'on' has no place beside 'all_of': each of its events has its own", 'key')
    const globs = (read?.events ?? []).flatMap(event => event.on.filter(glob => !isExclusion(glob)))
    return [...new Set(globs)]
  }
  if (on !== undefined) return readGlobs(on, ['on'], report)
  report([], "'on' is missing: say which tags, for example on: salt/auth")
  return []
}
