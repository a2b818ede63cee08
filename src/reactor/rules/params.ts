// What an action of a rule is called with: the spellings that a rule file may use, read into target and arguments.
import { isObject } from '../../base/json.ts'
import { didYouMean } from '../../base/suggest.ts'
import type { JobKind } from '../../protocol/job.ts'
import { RETURNING, type Returning, returningOf } from '../../protocol/returning.ts'
import { TARGET_TYPES } from '../../protocol/target.ts'
import { isTarget, type Path, type Report, show, textOf } from './path.ts'
import { isConstant } from './template.ts'

/** Target and arguments, still unrendered; `path` of each argument is where it stands in the file. */
export interface CallParams {
  tgt?: string | string[]
  tgt_type?: string
  arg: { path: Path; value: unknown }[]
  kwarg: { path: Path; name: string; value: unknown }[]
  /** Of a local function: who gets its returns. */
  returning: Returning
}

const ARGUMENT_KEYS = ['args', 'kwargs', 'arg', 'kwarg']
const RETURNING_KEYS = ['ret', 'ret_config', 'ret_kwargs'] as const
const LOCAL_KEYS = ['tgt', 'tgt_type', ...RETURNING_KEYS, ...ARGUMENT_KEYS]
/** What people write who do not know Salt's words, or know its old ones. */
const OTHER_WORDS: ReadonlyMap<string, string> = new Map([
  ['target', 'tgt'],
  ['targets', 'tgt'],
  ['minion', 'tgt'],
  ['minions', 'tgt'],
  ['target_type', 'tgt_type'],
  ['expr_form', 'tgt_type'],
  ['arguments', 'args'],
  ['returner', 'ret'],
  ['return', 'ret'],
  ['return_config', 'ret_config'],
  ['return_kwargs', 'ret_kwargs'],
])

/** Reads an action's parameters and reports what does not fit. */
export function readParams(kind: JobKind, params: unknown, report: Report): CallParams {
  const call: CallParams = { arg: [], kwarg: [], returning: {} }
  if (kind === 'local') readLocal(params, call, report)
  else if (Array.isArray(params)) addArguments(params, [], call, report)
  else if (isObject(params)) {
    const keys = Object.keys(params)
    // Salt's `{args, kwargs}` form is known by having no other key.
    if (keys.length > 0 && keys.every(key => ARGUMENT_KEYS.includes(key))) readArguments(params, call, report)
    else addArguments(params, [], call, report)
  } else if (params !== null && params !== undefined)
    report([], `${kind} functions take a map of named arguments or a list, got ${show(params)}`)
  return call
}

function readLocal(params: unknown, call: CallParams, report: Report): void {
  if (!isObject(params)) {
    report([], `local functions take a map with 'tgt' (and 'args', 'kwargs'), got ${show(params)}`)
    return
  }
  const meant = new Set<string>()
  for (const key of Object.keys(params)) {
    const word = OTHER_WORDS.get(key)
    if (word !== undefined && params[word] === undefined) {
      meant.add(word)
      report([key], `unknown key '${key}'. Did you mean '${word}'?`, 'key')
    } else if (!LOCAL_KEYS.includes(key))
      report(
        [key],
        `unknown key '${key}' beside 'tgt': arguments go under args or kwargs.${didYouMean(key, LOCAL_KEYS)}`,
        'key',
      )
  }
  const { tgt, tgt_type } = params
  if (isTarget(tgt)) {
    call.tgt = tgt
    call.tgt_type = Array.isArray(tgt) ? 'list' : 'glob'
  } else if (tgt === undefined && meant.has('tgt')) return
  else if (tgt === undefined) report([], "'tgt' is missing: say which minions, for example tgt: 'web*'")
  else report(['tgt'], `'tgt' is a glob or a list of ids, got ${show(tgt)}`)
  if (tgt_type !== undefined) {
    if (!(TARGET_TYPES as readonly unknown[]).includes(tgt_type))
      report(['tgt_type'], `unknown tgt_type ${show(tgt_type)}.${didYouMean(textOf(tgt_type), TARGET_TYPES)}`)
    else if (Array.isArray(tgt) && tgt_type !== 'list')
      report(['tgt_type'], `a list of ids has tgt_type 'list', got ${show(tgt_type)}`)
    else call.tgt_type = tgt_type as string
  }
  readReturning(params, call, report)
  readArguments(params, call, report)
}

function readReturning(params: Record<string, unknown>, call: CallParams, report: Report): void {
  const given = RETURNING_KEYS.filter(key => params[key] !== undefined)
  const fitting = given.filter(key => {
    if (!isConstant(params[key]))
      report([key], `'${key}' is no template: what an event says must not choose where returns go`)
    else if (!RETURNING[key].fits(params[key]))
      report([key], `'${key}' must be ${RETURNING[key].what}, got ${show(params[key])}`)
    else return true
    return false
  })
  if (fitting.length < given.length) return
  call.returning = returningOf(params as Returning)
  if (given.length > 0 && !call.returning.ret)
    report([given[0]!], `'${given[0]}' is for returners: name them in 'ret', such as ret: mysql`, 'key')
}

function readArguments(params: Record<string, unknown>, call: CallParams, report: Report): void {
  for (const [key, short] of [
    ['args', 'arg'],
    ['kwargs', 'kwarg'],
  ] as const) {
    if (params[key] !== undefined && params[short] !== undefined)
      report([short], `'${key}' and '${short}' are the same: write one of them`, 'key')
    for (const name of [key, short]) {
      const value = params[name]
      if (value === undefined || value === null) continue
      if (isObject(value) || (key === 'args' && Array.isArray(value))) addArguments(value, [name], call, report)
      else report([name], `'${name}' is a ${key === 'args' ? 'list or a map' : 'map'}, got ${show(value)}`)
    }
  }
}

function addArguments(values: unknown[] | Record<string, unknown>, path: Path, call: CallParams, report: Report): void {
  if (Array.isArray(values)) {
    for (const [index, value] of values.entries()) call.arg.push({ path: [...path, index], value })
    return
  }
  for (const [name, value] of Object.entries(values)) {
    if (call.kwarg.some(known => known.name === name)) report([...path, name], `'${name}' is given twice`, 'key')
    call.kwarg.push({ path: [...path, name], name, value })
  }
}
