// Reads a config file, lays command-line values over it, and says what is wrong with the name and the place of it.
import { readFile } from 'node:fs/promises'
import { parseDocument } from 'yaml'
import type { z } from 'zod'
import { errorMessage, ReactorError } from '../base/errors.ts'
import { isObject } from '../base/json.ts'
import { isSecretKey, redactSecrets } from '../base/redact.ts'
import { didYouMean } from '../base/suggest.ts'
import { type Config, configSchema } from './schema.ts'

/** The config of `file` (none: defaults) with `overrides` on top. Throws `bad_config`. */
export async function loadConfig(file: string | undefined, overrides: Record<string, unknown> = {}): Promise<Config> {
  const merged = mergeConfig(file === undefined ? {} : await readConfigFile(file), overrides)
  return parseConfig(merged, file ?? 'the command line')
}

/** Validates a config object; `where` names it in the error. */
export function parseConfig(value: unknown, where: string): Config {
  const parsed = configSchema.safeParse(liftReturnerSettings(value))
  if (parsed.success) return parsed.data
  throw new ReactorError(
    'bad_config',
    `${where}: ${parsed.error.issues.map(issue => issueText(issue, value)).join('; ')}`,
  )
}

/** A config file as it stands, not validated. Throws `bad_config` when it is no YAML map. */
export async function readConfigFile(file: string): Promise<Record<string, unknown>> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    throw new ReactorError('bad_config', `cannot read the config ${file}: ${errorMessage(error)}`)
  }
  const document = parseDocument(text, { prettyErrors: true })
  const [problem] = document.errors
  if (problem) throw new ReactorError('bad_config', `${file}: ${problem.message}`)
  const value: unknown = document.toJS({ maxAliasCount: 100 }) ?? {}
  if (!isObject(value)) throw new ReactorError('bad_config', `${file} must be a map of settings`)
  return value
}

/** What Salt writes at the top, `mysql.host: localhost`, is in `returner_settings`. */
function liftReturnerSettings(value: unknown): unknown {
  if (!isObject(value)) return value
  const dotted = Object.entries(value).filter(([key]) => key.includes('.'))
  if (dotted.length === 0) return value
  const rest = Object.fromEntries(Object.entries(value).filter(([key]) => !key.includes('.')))
  const own = isObject(rest.returner_settings) ? rest.returner_settings : {}
  return { ...rest, returner_settings: { ...own, ...Object.fromEntries(dotted) } }
}

function issueText(issue: z.core.$ZodIssue, value: unknown): string {
  if (issue.code === 'invalid_union') {
    const nearest = nearestBranch(issue)
    if (nearest) return nearest.map(inner => issueText(inner, value)).join('; ')
    if (issue.message === NO_WORD) return issueText({ ...issue, message: `expected ${expectedBy(issue)}` }, value)
  }
  const path = issue.path.map(String)
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(path)
    return issue.keys.map(key => `unknown setting '${[...path, key].join('.')}'.${didYouMean(key, known)}`).join(' ')
  }
  if (issue.code === 'invalid_key') {
    const key = path.at(-1) ?? ''
    return `'${path.slice(0, -1).join('.')}': ${issue.issues.map(inner => inner.message).join(', ')}; got the key ${JSON.stringify(key)}`
  }
  const given = path.reduce<unknown>(
    (inner, key) => (isObject(inner) || Array.isArray(inner) ? (inner as Record<string, unknown>)[key] : undefined),
    value,
  )
  if (given === undefined && issue.code === 'invalid_type') return `'${path.join('.')}' is missing`
  if (given === undefined && issue.code === 'invalid_union') return `'${path.join('.')}' is missing: ${issue.message}`
  // What stands in the place of a secret may be one.
  if (path.some(isSecretKey)) return `'${path.join('.')}': ${issue.message}`
  return `'${path.join('.')}': ${issue.message}; got ${JSON.stringify(redactSecrets(given)) ?? 'nothing'}`
}

/** What zod says of a union by itself. */
const NO_WORD = 'Invalid input'
const KINDS: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map',
  record: 'a map',
}

/** Each of the shapes that a value may have, in a word. */
function expectedBy({ errors }: z.core.$ZodIssueInvalidUnion): string {
  const words = errors.map(([first]) => {
    if (first?.code === 'invalid_union') return expectedBy(first)
    if (first?.code === 'invalid_type') return KINDS[first.expected] ?? first.expected
    if (first?.code === 'invalid_value') return first.values.map(one => JSON.stringify(one)).join(' or ')
    return first?.message
  })
  return [...new Set(words)].join(' or ')
}

/** What is wrong with the one of several shapes that the value is nearest to; undefined where it is like none of them. */
function nearestBranch({ path, errors }: z.core.$ZodIssueInvalidUnion): z.core.$ZodIssue[] | undefined {
  const inside = errors.filter(issues =>
    issues.some(issue => issue.path.length > 0 || issue.code === 'unrecognized_keys'),
  )
  return inside.length === 1 ? inside[0]!.map(issue => ({ ...issue, path: [...path, ...issue.path] })) : undefined
}

function knownKeys(path: readonly string[]): string[] {
  let schema: unknown = configSchema
  for (const key of path) schema = unwrap((unwrap(schema) as { shape?: Record<string, unknown> }).shape?.[key])
  return Object.keys((unwrap(schema) as { shape?: object } | undefined)?.shape ?? {})
}

function unwrap(schema: unknown): unknown {
  let inner = schema as { shape?: unknown; unwrap?: () => unknown } | undefined
  while (inner && !inner.shape && typeof inner.unwrap === 'function') inner = inner.unwrap() as typeof inner
  return inner
}

/** `over` on top of `base`, maps into maps; undefined values do not count. */
export function mergeConfig(base: Record<string, unknown>, over: Record<string, unknown>): Record<string, unknown> {
  const out = new Map(Object.entries(base))
  for (const [key, value] of Object.entries(over)) {
    if (value === undefined) continue
    const before = out.get(key)
    out.set(key, isObject(before) && isObject(value) ? mergeConfig(before, value) : value)
  }
  return Object.fromEntries(out)
}
