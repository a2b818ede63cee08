// A template compiled once into closures, rendered as often as wanted, within a bound on work and size. It reaches
// nothing but the values it is given.
import { errorMessage, ReactorError } from '../base/errors.ts'
import { compileDirect } from './direct.ts'
import { rootScope } from './globals.ts'
import { parseTemplate } from './parse.ts'
import type { Scope } from './scope.ts'
import { compileBody, located } from './statements.ts'
import { toPlain, type Value } from './values.ts'

export interface Template {
  /**
   * A template that is one expression gives its value as plain JSON, any other gives text.
   * Throws `template` naming the expression.
   */
  render(names: Readonly<Record<string, unknown>>): unknown
}

/** Rules say the same again and again (`{{ data.id }}`): one template serves them all. */
const compiled = new Map<string, Template>()
const MOST_KEPT = 10_000
const LONGEST_KEPT = 500

/** Throws `template` when the source has a mistake: syntax, an unknown filter or test. */
export function compileTemplate(source: string): Template {
  const before = compiled.get(source)
  if (before) return before
  const template = compileSource(source)
  if (source.length > LONGEST_KEPT) return template
  if (compiled.size >= MOST_KEPT) compiled.clear()
  compiled.set(source, template)
  return template
}

function compileSource(source: string): Template {
  const statements = parseTemplate(source)
  const [only] = statements
  const whole = statements.length === 1 && only?.kind === 'output' ? located(only.expr, asPlain) : undefined
  const run = compileBody(statements)
  const direct = compileDirect(statements)
  return {
    render(names) {
      const value = direct?.(names)
      if (value !== undefined) return value
      const scope = rootScope(names)
      try {
        if (whole) return whole(scope)
        const out: string[] = []
        run(scope, out)
        return out.join('')
      } catch (error) {
        if (error instanceof ReactorError) throw error
        // Deep recursion through values that hold themselves ends in the engine's own error.
        throw new ReactorError('template', `the template cannot be rendered: ${errorMessage(error)}`, {}, error)
      }
    },
  }
}

const asPlain = (value: Value, scope: Scope) => toPlain(value, scope.context.budget)
