// Arguments of a function as typed: `key=value` is named, the rest positional; values are YAML where that is meant.
import { ReactorError } from '../base/errors.ts'
import { isObject } from '../base/json.ts'

export interface TypedArguments {
  arg: unknown[]
  kwarg: Record<string, unknown>
}

/** `web 2 retries=3 env='{A: b}'` → arg ['web', 2], kwarg {retries: 3, env: {A: 'b'}}. Throws `usage` on a bad list or map. */
export async function parseWords(words: readonly string[]): Promise<TypedArguments> {
  const arg: unknown[] = []
  const kwarg = new Map<string, unknown>()
  for (const word of words) {
    const named = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/s.exec(word)
    if (named) kwarg.set(named[1]!, await parseValue(named[2]!))
    else arg.push(await parseValue(word))
  }
  return { arg, kwarg: Object.fromEntries(kwarg) }
}

/**
 * Numbers, true/false/null, lists and maps are what they look like; anything else is text. A number is one only where
 * nothing of its spelling is lost: `0644` and `1.10` stay text.
 */
export async function parseValue(text: string): Promise<unknown> {
  if (/^[[{]/.test(text.trim())) {
    // Loaded where it is needed: most calls have no list and no map.
    const [{ parseDocument }, { badKeys }] = await Promise.all([
      import('yaml'),
      import('../reactor/rules/yaml-place.ts'),
    ])
    const document = parseDocument(text, { prettyErrors: false })
    const problem = document.errors[0]?.message ?? badKeys(document)[0]?.message
    if (problem === undefined) return document.toJS({ maxAliasCount: 100 })
    throw new ReactorError('usage', `'${text}' begins like a list or map and is no YAML: ${problem.split('\n')[0]}`)
  }
  if (/^(true|false)$/i.test(text)) return text.toLowerCase() === 'true'
  if (/^(null|none|~)$/i.test(text)) return null
  const number = Number(text)
  return text !== '' && String(number) === text && Number.isFinite(number) ? number : text
}

/** The map that an option was given. Throws `usage`. */
export async function readMap(
  option: string,
  text: string,
  example = '{ticket: 4711}',
): Promise<Record<string, unknown>> {
  const value = await parseValue(text)
  if (isObject(value)) return value
  throw new ReactorError('usage', `${option} takes a map such as '${example}', got '${text}'`)
}
