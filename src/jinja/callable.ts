// How filters, tests and methods are declared, and how arguments are bound to their parameters as Python binds them.
import type { SourceFile } from './excerpt.ts'
import type { Scope } from './scope.ts'
import { type Budget, failure, type Named, truthy, type Value } from './values.ts'
import type { Tags } from './yaml.ts'

/** What a document reaches outside of itself. */
export interface Documents {
  /** The text of a template by its path; undefined: there is none. */
  load(path: string): string | undefined
  /** What a loaded text writes in that scope, which then holds what it defines. */
  write(file: SourceFile, scope: Scope): string
  /** Names that a file sees of itself, such as `tpldir`. */
  namesOf(path: string): Readonly<Record<string, Value>>
  /** Of the YAML that is imported and loaded. */
  tags?: Tags
  /** How deep templates and macros are in each other. */
  depth: number
}

export interface Context {
  budget: Budget
  /** A value that is not there; `what` says which expression has none. */
  missing(what: string): Value
  /** Of whole documents: where it loads others from. Without it keys of dicts are text alone. */
  documents?: Documents
  filter(name: string, value: Value, args: Value[], named: Named): Value
  test(name: string, value: Value, args: Value[], named: Named): boolean
  /** Jinja2's own names: `range`, `dict`, `namespace`. */
  global(name: string): Value
}

/** `run` gets the parameters in order, absent ones as `undefined`; without `params` it gets all arguments as given. */
export interface Callable<Result = Value> {
  /** Names in order; a trailing `?` marks one that may be left out. */
  params?: readonly string[]
  /** Undefined values are passed in and not refused. */
  takesMissing?: boolean
  run(self: Value, args: Value[], context: Context, named: Named): Result
}

/** A filter without named arguments of its own, such as `upper`. */
export function filter(
  params: readonly string[],
  run: (value: Value, args: Value[], context: Context) => Value,
): Callable {
  return { params, run }
}

/** An argument that switches something on; one that was not given does not. */
export const flag = (value: Value): boolean => value !== undefined && truthy(value)

/** Arguments in the order of `params`. Throws `template` naming what is missing, unknown or too many. */
export function bindArguments(what: string, params: readonly string[], args: Value[], named: Named): Value[] {
  if (args.length > params.length) throw failure(`${what} takes at most ${params.length} arguments, got ${args.length}`)
  const bound: Value[] = params.map((_, index) => args[index])
  const names = params.map(param => param.replace('?', ''))
  for (const [name, value] of Object.entries(named)) {
    const index = names.indexOf(name)
    if (index < 0) throw failure(`${what} has no argument '${name}' (${names.join(', ') || 'it takes none'})`)
    if (index < args.length) throw failure(`${what} got the argument '${name}' twice`)
    bound[index] = value
  }
  for (const [index, param] of params.entries())
    if (!param.endsWith('?') && bound[index] === undefined) throw failure(`${what} needs the argument '${param}'`)
  return bound
}

export function call<R>(what: string, callable: Callable<R>, self: Value, args: Value[], named: Named, c: Context): R {
  c.budget.spend(1)
  if (callable.params === undefined) return callable.run(self, args, c, named)
  return callable.run(self, bindArguments(what, callable.params, args, named), c, {})
}
