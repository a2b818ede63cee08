// Whether the functions that a rule calls exist, and take the arguments it gives. Values may be templates, so that only
// names and numbers of arguments are looked at, and where values from the event stand. Pure over the registries.
import { ReactorError } from '../base/errors.ts'
import { didYouMean } from '../base/suggest.ts'
import type { FunctionDefinition } from '../functions/define.ts'
import type { Registry } from '../functions/registry.ts'
import { untrustedProblems } from '../functions/untrusted.ts'
import { JOB_KINDS } from '../protocol/job.ts'
import { ALL_SOURCES, SOURCE, untrustedTargetProblem, type ValuePath } from '../protocol/trust.ts'
import { type CallParams, readParams } from './rules/params.ts'
import type { ActionCheck, ActionFinding } from './rules/read-text.ts'
import type { RuleAction } from './rules/schema.ts'
import { borrowedOf, sampleOf } from './rules/untrusted.ts'

export interface RuleFunctions {
  local: Registry<'execution'>
  runner: Registry<'runner'>
  wheel: Registry<'wheel'>
}

/**
 * Checks actions against `functions`. A runner or wheel function that is not there is a problem; an execution function
 * is a warning, since a minion may have modules of its own. `facts` are the names of the user's own facts.
 */
export function createActionCheck(functions: RuleFunctions, facts?: ReadonlySet<string>): ActionCheck {
  const required = new Map<FunctionDefinition, string[]>()
  const requiredOf = (fn: FunctionDefinition): string[] => {
    let names = required.get(fn)
    if (!names) {
      names = Object.entries(fn.args).flatMap(([name, schema]) => (schema.safeParse(undefined).success ? [] : [name]))
      required.set(fn, names)
    }
    return names
  }
  return action => {
    const fn = find(functions[action.kind], action.fun)
    // The loader has reported what is wrong with the parameters themselves.
    const call = readParams(action.kind, action.params, () => undefined)
    const named = (warning: boolean) => (finding: Omit<ActionFinding, 'warning'>) => ({
      ...finding,
      message: `${action.kind}.${action.fun} ${finding.message}`,
      warning,
    })
    const refused = untrustedFindings(fn, call, facts).map(named(true))
    if (!fn) return [unknown(functions, action), ...refused]
    return [...findings(fn, requiredOf(fn), call).map(named(false)), ...refused]
  }
}

function find(registry: Registry<'execution'> | Registry<'runner'> | Registry<'wheel'>, fun: string) {
  try {
    return registry.get(fun) as FunctionDefinition
  } catch (error) {
    if (error instanceof ReactorError && error.code === 'unknown_function') return undefined
    throw error
  }
}

function unknown(functions: RuleFunctions, { kind, fun }: RuleAction): ActionFinding {
  const elsewhere = JOB_KINDS.find(other => other !== kind && functions[other].names().includes(fun))
  const names = functions[kind].names().map(name => `${kind}.${name}`)
  const hint = elsewhere ? ` Did you mean '${elsewhere}.${fun}'?` : didYouMean(`${kind}.${fun}`, names)
  const where = kind === 'local' ? ', minions may have it as a module of their own' : ''
  return {
    path: [],
    at: 'key',
    message: `there is no function '${kind}.${fun}' here${where}.${hint}`,
    warning: kind === 'local',
  }
}

function findings(
  fn: FunctionDefinition,
  required: readonly string[],
  { arg, kwarg }: CallParams,
): Omit<ActionFinding, 'warning'>[] {
  const names = Object.keys(fn.args)
  const found: Omit<ActionFinding, 'warning'>[] = []
  const surplus = arg[names.length]
  if (surplus && fn.rest === undefined) {
    const takes = names.length === 0 ? 'no arguments' : `at most ${names.length} (${names.join(', ')})`
    found.push({ path: surplus.path, message: `takes ${takes}, got ${arg.length} by position` })
  }
  const byPosition = new Set(names.slice(0, arg.length))
  for (const { path, name } of kwarg) {
    if (byPosition.has(name)) {
      found.push({ path, at: 'key', message: `gets the argument '${name}' twice, by position and by name` })
    } else if (!Object.hasOwn(fn.args, name) && fn.extra === undefined)
      found.push({ path, at: 'key', message: `has no argument '${name}'.${didYouMean(name, names)}` })
  }
  const missing = required.filter(name => !byPosition.has(name) && !kwarg.some(one => one.name === name))
  if (missing.length > 0) {
    const listed = missing.map(name => `'${name}'`).join(', ')
    found.push({ path: [], at: 'key', message: `needs the argument${missing.length === 1 ? '' : 's'} ${listed}` })
  }
  return found
}

/** What the master or the account attests is taken as it is in most events; the rest is somebody's claim. */
const CLAIMED = ALL_SOURCES & ~(SOURCE.id | SOURCE.origin)

/** Values from the event where they will be refused, unless an operator has fired it. */
function untrustedFindings(
  fn: FunctionDefinition | undefined,
  call: CallParams,
  facts: ReadonlySet<string> | undefined,
): Omit<ActionFinding, 'warning'>[] {
  const paths = borrowedOf(call, facts).flatMap(({ path, sources }) => ((sources & CLAIMED) === 0 ? [] : [path]))
  if (paths.length === 0) return []
  const say = (path: ValuePath, message: string) => ({
    path: placeOf(path, call),
    message: `is given a value from the event that ${message}; write {{ … | allow_untrusted }} where the rule is to trust it`,
  })
  const arg = call.arg.map(({ value }) => sampleOf(value))
  const kwarg = Object.fromEntries(call.kwarg.map(({ name, value }) => [name, sampleOf(value)]))
  const inTarget = paths.flatMap(([part, ...path]) => (part === 'tgt' ? [path] : []))
  const target = untrustedTargetProblem(sampleOf(call.tgt), call.tgt_type ?? 'glob', inTarget)
  return [
    ...(target === undefined ? [] : [say(['tgt', ...inTarget[0]!], `is used as a target: ${target}`)]),
    ...(fn ? untrustedProblems(fn, arg, kwarg, paths) : []).map(({ path, message }) => say(path, message)),
  ]
}

/** Where a value of the call stands in the rule. */
function placeOf([part, key, ...inner]: ValuePath, { arg, kwarg }: CallParams): ValuePath {
  if (part === 'tgt') return key === undefined ? ['tgt'] : ['tgt', key, ...inner]
  const own = part === 'arg' ? arg[Number(key)]?.path : kwarg.find(({ name }) => name === key)?.path
  return [...(own ?? []), ...inner]
}
