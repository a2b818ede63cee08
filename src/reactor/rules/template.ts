// Templates inside of parsed values: strings that hold `{{ }}` or `{% %}` are compiled at load, everything else stays
// as it is. Keys are never templated, so that event data can fill a value and add nothing.
import { errorMessage, ReactorError } from '../../base/errors.ts'
import { isObject, setOwn } from '../../base/json.ts'
import { compileTemplate } from '../../jinja/compile.ts'
import type { Path } from './path.ts'
import { unknownNames } from './template-names.ts'
import type { Vocabulary } from './vocabulary.ts'

/** The value for these names (`tag`, `data`, …). Throws `template`, with `details.path` to the string it is in. */
export type RenderValue = (names: Readonly<Record<string, unknown>>) => unknown

const TEMPLATE = /\{[{%#]/

/** Compiles all strings in `value`, a JSON value. Throws `template`, with `details.path`. */
export function compileValue(value: unknown, path: Path = []): RenderValue {
  if (typeof value === 'string' && TEMPLATE.test(value)) return compileText(value, path)
  if (Array.isArray(value)) {
    const items = value.map((item, index) => compileValue(item, [...path, index]))
    return isConstant(value) ? () => value : names => items.map(render => render(names))
  }
  if (isObject(value)) {
    const entries = Object.entries(value).map(([key, item]) => [key, compileValue(item, [...path, key])] as const)
    if (isConstant(value)) return () => value
    return names => {
      const rendered: Record<string, unknown> = {}
      for (const [key, render] of entries) setOwn(rendered, key, render(names))
      return rendered
    }
  }
  return () => value
}

/** Whether no string in it is a template. */
export function isConstant(value: unknown): boolean {
  if (typeof value === 'string') return !TEMPLATE.test(value)
  if (Array.isArray(value)) return value.every(isConstant)
  return !isObject(value) || Object.values(value).every(isConstant)
}

/** Every string that does not compile or reads names that nothing defines, with its path and what is wrong. */
export function templateProblems(
  value: unknown,
  vocabulary?: Vocabulary,
  path: Path = [],
): { path: Path; message: string }[] {
  if (Array.isArray(value)) return value.flatMap((item, index) => templateProblems(item, vocabulary, [...path, index]))
  if (isObject(value))
    return Object.entries(value).flatMap(([key, item]) => templateProblems(item, vocabulary, [...path, key]))
  if (typeof value !== 'string' || !TEMPLATE.test(value)) return []
  try {
    compileTemplate(value)
    return unknownNames(value, vocabulary).map(message => ({ path, message }))
  } catch (error) {
    return [{ path, message: errorMessage(error) }]
  }
}

function compileText(text: string, path: Path): RenderValue {
  try {
    const template = compileTemplate(text)
    return names => {
      try {
        return template.render(names)
      } catch (error) {
        throw placed(error, text, path)
      }
    }
  } catch (error) {
    throw placed(error, text, path)
  }
}

function placed(error: unknown, text: string, path: Path): ReactorError {
  const details = error instanceof ReactorError ? error.details : {}
  return new ReactorError('template', errorMessage(error), { ...details, path, template: text }, error)
}
