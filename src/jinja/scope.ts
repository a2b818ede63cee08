// What a running template sees: names in nested scopes, and the filters and tests it may call.
import { ReactorError } from '../base/errors.ts'
import { didYouMean } from '../base/suggest.ts'
import type { Target } from './ast.ts'
import { type Callable, type Context, call } from './callable.ts'
import { failure, iterate, membersOf, type Named, need, type Value } from './values.ts'

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

export function innerScope(parent: Scope): Scope {
  return { names: new Map(), parent, context: parent.context }
}

export function assign(target: Target, value: Value, scope: Scope): undefined {
  if (target.kind === 'name') scope.names.set(target.name, value)
  else if (target.kind === 'tuple') {
    const values = iterate(need(value), scope.context.budget)
    if (values.length !== target.items.length)
      throw failure(`${target.items.length} names cannot take ${values.length} values`)
    for (const [index, inner] of target.items.entries()) assign(inner, values[index], scope)
  } else {
    const members = membersOf(lookUp(scope, target.name))
    if (!members) throw failure(`'${target.name}.${target.attr}' can be set on a namespace() only`)
    members.set(target.attr, value)
  }
}

export function emit(text: string, scope: Scope, out: string[]): undefined {
  scope.context.budget.spend(1, text.length)
  out.push(text)
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
