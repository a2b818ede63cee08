// What is pushed: unpacked, and every document held against what the reactors compile, so that what comes into force is
// whole. Nothing is taken of a push with a problem.
import { setImmediate } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import { errorMessage, ReactorError } from '../../base/errors.ts'
import { isObject, parseForeignJson } from '../../base/json.ts'
import { compileRule } from '../rules/compile.ts'
import { oneLine } from '../rules/problem.ts'
import type { RuleDocument } from '../rules/schema.ts'

/** Bytes of JSON that a push may unpack to. */
const MOST_BYTES = 64 * 1024 * 1024
/** How long the event loop is held at a time, milliseconds. */
const SLICE_MS = 20
const MOST_SAID = 50

/** The base64 of gzipped JSON, read. Throws `bad_argument`. */
export function unpackRules(packed: string): unknown[] {
  let value: unknown
  try {
    const bytes = gunzipSync(Buffer.from(packed, 'base64'), { maxOutputLength: MOST_BYTES })
    value = parseForeignJson(bytes.toString('utf8'))
  } catch (error) {
    throw new ReactorError(
      'bad_argument',
      `'packed' is the base64 of a gzipped JSON list of rules, of at most ${MOST_BYTES} bytes: ${errorMessage(error)}`,
    )
  }
  if (!Array.isArray(value)) throw new ReactorError('bad_argument', `'packed' holds no list of rules`)
  return value
}

/** The rules by name, in order; `facts` are the names of the user's own. Throws `bad_rule` with all that is wrong with any of them. */
export async function checkPushed(
  documents: readonly unknown[],
  facts: ReadonlySet<string> = new Set(),
): Promise<RuleDocument[]> {
  const rules = new Map<string, RuleDocument>()
  const problems: string[] = []
  let held = performance.now()
  for (const [index, document] of documents.entries()) {
    const problem = problemOf(document, rules, facts)
    if (problem === undefined) rules.set((document as RuleDocument).rule, document as RuleDocument)
    else problems.push(`${placeOf(document, index)}: ${problem}`)
    if (performance.now() - held > SLICE_MS) {
      await setImmediate()
      held = performance.now()
    }
  }
  if (problems.length > 0) throw refusal(problems, documents.length)
  return [...rules.values()].sort((a, b) => (a.rule < b.rule ? -1 : 1))
}

function problemOf(
  document: unknown,
  before: ReadonlyMap<string, RuleDocument>,
  facts: ReadonlySet<string>,
): string | undefined {
  if (!isObject(document)) return 'a rule document is a map'
  try {
    const { rule } = compileRule(document as RuleDocument, { facts })
    const twin = before.get(rule)
    if (twin) return `the rule name '${rule}' is taken by ${twin.source.file}:${twin.source.line}`
    return undefined
  } catch (error) {
    return errorMessage(error)
  }
}

function placeOf(document: unknown, index: number): string {
  const { rule, source } = isObject(document) ? document : {}
  const place =
    isObject(source) && typeof source.file === 'string' ? `${source.file}:${source.line}` : `rules[${index}]`
  return oneLine(typeof rule === 'string' ? `${place} (${rule})` : place)
}

function refusal(problems: readonly string[], of: number): ReactorError {
  const said = problems.slice(0, MOST_SAID).map(oneLine)
  const more = problems.length > MOST_SAID ? [`… and ${problems.length - MOST_SAID} more`] : []
  const head = `${problems.length} of ${of} rules ${problems.length === 1 ? 'is' : 'are'} refused, and nothing has changed:`
  return new ReactorError('bad_rule', [head, ...said, ...more].join('\n'))
}
