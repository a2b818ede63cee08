// Untrusted values on their way into a function: which argument each of them fills, and whether it may.
import { everyArgument, type ValuePath } from '../protocol/trust.ts'
import type { FunctionDefinition } from './define.ts'
import { fixed, type Guard } from './guards.ts'

/** The untrusted values of one call. */
export interface Untrusted {
  paths: readonly ValuePath[]
  /** Whose event they came with: `rule:<name>`. */
  by: string
}

export interface UntrustedProblem {
  argument: string
  /** Where in the call. */
  path: ValuePath
  message: string
}

/** Wheel functions act on keys, tokens and operators: what does not say otherwise takes nothing that an event brought. */
const OF_WHEEL = fixed('an argument of a wheel function')

/** Every untrusted value that stands where it may not. */
export function untrustedProblems(
  fn: FunctionDefinition,
  positional: readonly unknown[],
  keyword: Readonly<Record<string, unknown>>,
  paths: readonly ValuePath[],
): UntrustedProblem[] {
  const names = Object.keys(fn.args)
  const args: Record<string, unknown> = { ...keyword }
  for (const [index, name] of names.entries()) if (index < positional.length) args[name] = positional[index]
  const found: UntrustedProblem[] = []
  const check = (argument: string | undefined, value: unknown, at: ValuePath, path: ValuePath) => {
    const guard: Guard | undefined =
      (argument === undefined ? undefined : fn.guards[argument]) ?? (fn.kind === 'wheel' ? OF_WHEEL : undefined)
    const problem = guard?.problem(value, at, args)
    if (guard && problem !== undefined)
      found.push({ argument: argument ?? '', path, message: `is used as ${guard.as}: ${problem}` })
  }
  for (const path of paths.flatMap(path => spread(path, positional, keyword))) {
    const [part, key, ...at] = path
    if (part === 'arg') {
      const index = Number(key)
      if (index < names.length) check(names[index], positional[index], at, path)
      else check(fn.rest, positional.slice(names.length), [index - names.length, ...at], path)
    } else if (part === 'kwarg') {
      const name = String(key)
      if (Object.hasOwn(fn.args, name)) check(name, keyword[name], at, path)
      else check(fn.extra, keyword, [name, ...at], path)
    }
  }
  return found
}

/** A path to all positional or all named arguments, as one to each. */
function spread(
  path: ValuePath,
  positional: readonly unknown[],
  keyword: Readonly<Record<string, unknown>>,
): readonly ValuePath[] {
  if (path.length > 1) return [path]
  return everyArgument(positional, keyword).filter(([part]) => part === path[0])
}
