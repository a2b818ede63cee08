// What most templates of rules are: text and paths (`alert/{{ data.id }}`). Where the values are text, whole numbers or bools they
// are read straight from the names, with nothing made for a run; all else is left to the template itself.
import type { Expr, Statement } from './ast.ts'

type Names = Readonly<Record<string, unknown>>
type Plain = string | number | boolean

/** What the template gives; undefined: it has to be run. */
export type Direct = (names: Names) => Plain | undefined

/** Undefined where the template holds more than text and paths. */
export function compileDirect(statements: readonly Statement[]): Direct | undefined {
  const parts: (string | readonly string[])[] = []
  for (const statement of statements) {
    const part = statement.kind === 'text' ? statement.value : statement.kind === 'output' && pathOf(statement.expr)
    if (part === false || part === undefined) return undefined
    parts.push(part)
  }
  const [only] = parts
  if (parts.length === 1 && typeof only === 'object') return names => plainAt(names, only)
  return names => joined(names, parts)
}

/** The names of `data.id`, outermost first. */
function pathOf(expr: Expr): readonly string[] | undefined {
  if (expr.kind === 'name') return [expr.name]
  const target = expr.kind === 'attr' ? pathOf(expr.target) : undefined
  return target && expr.kind === 'attr' ? [...target, expr.name] : undefined
}

function plainAt(names: Names, path: readonly string[]): Plain | undefined {
  let value: unknown = names
  for (let i = 0; i < path.length; i++) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
    const name = path[i]!
    if (!Object.hasOwn(value, name)) return undefined
    value = (value as Names)[name]
  }
  return typeof value === 'string' || typeof value === 'boolean' || Number.isSafeInteger(value)
    ? (value as Plain)
    : undefined
}

/** A template's bound on what it makes is its own to keep. */
const SHORT = 10_000

function joined(names: Names, parts: readonly (string | readonly string[])[]): string | undefined {
  let text = ''
  for (const part of parts) {
    if (typeof part === 'string') text += part
    else {
      const value = plainAt(names, part)
      if (typeof value === 'boolean' || value === undefined) return undefined
      text += value
    }
  }
  return text.length > SHORT ? undefined : text
}
