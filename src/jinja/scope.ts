// What a running template sees: names in nested scopes, and the filters and tests it may call.
import { ReactorError } from '../base/errors.ts'
import { didYouMean } from '../base/suggest.ts'
import { type Callable, type Context, call } from './callable.ts'
import { type Named, need, type Value } from './values.ts'

/** Names that templates see; an inner scope hides the outer one's. */
export interface Scope {
  names: Map<string, Value>
  parent: Scope | undefined
  context: Context
}
export type Evaluate = (scope: Scope) => Value

/** The innermost value of that name, or undefined. */
export function lookUp(scope: Scope, name: string): Value {
  for (let at: Scope | undefined = scope; at !== undefined; at = at.parent) {
    const value = at.names.get(name)
    if (value !== undefined) return value
  }
  return scope.context.global(name)
}

/** A filter or test by its name at run time, as `map` and `select` take it. */
export function applyNamed<R>(known: Readonly<Record<string, Callable<R>>>, what: string) {
  return (context: Context, name: string, value: Value, args: Value[], named: Named): R =>
    applyCallable(name, find(known, name, what), value, args, named, context)
}

export function applyCallable<R>(
  name: string,
  callable: Callable<R>,
  value: Value,
  args: Value[],
  named: Named,
  c: Context,
): R {
  return call(name, callable, callable.takesMissing ? value : need(value), args, named, c)
}

/** Throws `template` with the nearest known name. */
export function find<R>(known: Readonly<Record<string, Callable<R>>>, name: string, what: string): Callable<R> {
  if (Object.hasOwn(known, name)) return known[name]!
  throw new ReactorError('template', `there is no ${what} '${name}'.${didYouMean(name, Object.keys(known))}`)
}
