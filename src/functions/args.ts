// The door of every function: positional and keyword arguments become one validated object, or a clear refusal.
import { z } from 'zod'
import { ReactorError } from '../base/errors.ts'
import { isSecretKey, REDACTED, redactSecrets } from '../base/redact.ts'
import { didYouMean } from '../base/suggest.ts'
import type { FunctionDefinition } from './define.ts'
import { type Untrusted, untrustedProblems } from './untrusted.ts'

/**
 * Binds and validates the arguments of `name`. Throws `bad_argument` that names the argument and what was expected, or
 * that it holds a value of `untrusted` which it may not.
 */
export function bindArgs(
  name: string,
  fn: FunctionDefinition,
  positional: readonly unknown[],
  keyword: Readonly<Record<string, unknown>>,
  untrusted?: Untrusted,
): Record<string, unknown> {
  if (untrusted) refuseUntrusted(name, fn, positional, keyword, untrusted)
  const names = Object.keys(fn.args)
  const given = new Map<string, unknown>()
  const surplus: unknown[] = positional.slice(names.length)
  positional.slice(0, names.length).forEach((value, index) => void given.set(names[index]!, value))
  if (surplus.length > 0 && fn.rest === undefined) {
    throw refuse(
      name,
      `takes at most ${names.length} arguments (${names.join(', ') || 'none'}), got ${positional.length}`,
    )
  }
  const extra = new Map<string, unknown>()
  for (const [key, value] of Object.entries(keyword)) {
    if (!Object.hasOwn(fn.args, key)) {
      if (fn.extra === undefined) throw refuse(name, `has no argument '${key}'.${didYouMean(key, names)}`)
      extra.set(key, value)
    } else if (given.has(key)) {
      throw refuse(name, `got the argument '${key}' twice, by position and by name`)
    } else given.set(key, value)
  }
  const bound = new Map<string, unknown>()
  for (const [key, schema] of Object.entries(fn.args)) bound.set(key, parseArg(name, key, schema, given.get(key)))
  if (fn.rest !== undefined) bound.set(fn.rest, surplus)
  if (fn.extra !== undefined) bound.set(fn.extra, Object.fromEntries(extra))
  return Object.fromEntries(bound)
}

function parseArg(fn: string, key: string, schema: z.ZodType, value: unknown): unknown {
  const first = schema.safeParse(value)
  if (first.success) return first.data
  // `test.echo 5` arrives as a number: where the function wants text, the text is what was typed.
  if (typeof value === 'number' || typeof value === 'boolean') {
    const asText = schema.safeParse(String(value))
    if (asText.success) return asText.data
  }
  if (value === undefined) throw refuse(fn, `needs the argument '${key}' (${describe(schema)})`)
  const issue = first.error.issues[0]!
  const place = [key, ...issue.path.map(String)].join('.')
  throw refuse(
    fn,
    `argument '${place}': ${issue.message}; got ${isSecretKey(key) ? REDACTED : preview(redactSecrets(value))}`,
  )
}

function refuseUntrusted(
  name: string,
  fn: FunctionDefinition,
  positional: readonly unknown[],
  keyword: Readonly<Record<string, unknown>>,
  { paths, by }: Untrusted,
): void {
  const [first] = untrustedProblems(fn, positional, keyword, paths)
  if (!first) return
  const whose = `holds a value from the event of ${by}`
  throw new ReactorError(
    'bad_argument',
    `${name}: argument '${first.argument}' ${whose} and ${first.message}; to take it as it is, write {{ … | allow_untrusted }}`,
    { fun: name, argument: first.argument, untrusted: true },
  )
}

function refuse(name: string, what: string): ReactorError {
  return new ReactorError('bad_argument', `${name} ${what}`, { fun: name })
}

/** A short name of the type that a schema wants, for messages and help. */
export function describe(schema: z.ZodType): string {
  const json = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Record<string, unknown>
  return describeJson(json)
}

function describeJson(json: Record<string, unknown>): string {
  if (Array.isArray(json.enum)) return json.enum.map(v => JSON.stringify(v)).join(' | ')
  if (json.const !== undefined) return JSON.stringify(json.const)
  const options = json.anyOf ?? json.oneOf
  if (Array.isArray(options)) return options.map(option => describeJson(option)).join(' or ')
  if (json.type === 'array') return 'list'
  if (json.type === 'object') return 'map'
  if (Array.isArray(json.type)) return json.type.join(' or ')
  return typeof json.type === 'string' ? json.type : 'any value'
}

function preview(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}
