// States `module`: execution functions that a state run calls.
import { z } from 'zod'
import { errorMessage } from '../base/errors.ts'
import { isObject } from '../base/json.ts'
import { didYouMean } from '../base/suggest.ts'
import { state } from '../functions/define.ts'
import { fixed, functionName } from '../functions/guards.ts'
import type { StateContext, StateReturn } from '../functions/state-context.ts'
import { failed, unchanged, wouldChange } from '../functions/state-return.ts'

const args = {
  name: z.string().describe('any text; or, where no function is given beside it, the function to call'),
  args: z.array(z.unknown()).default([]).describe('positional arguments of the function that is the name'),
  kwargs: z.record(z.string(), z.unknown()).default({}).describe('named arguments of the function that is the name'),
}
const guards = { name: functionName, functions: fixed('a function to call, or an argument of it') }
type Args = { [K in keyof typeof args]: z.output<(typeof args)[K]> } & { functions: Record<string, unknown> }

export const run = state({
  doc: `Calls execution functions in each run of the states, in order, each with a list of its arguments: texts are positional,
    maps are named ones. A function that fails, or returns false, or a map whose result is false or whose retcode is not 0,
    fails the state; the others are called all the same. In Salt's older form the name is the function, and all else are
    arguments of it.
    Example:
      refresh what is known:
        module.run:
          - saltutil.refresh_pillar: []
          - event.send:
            - my/app/refreshed
            - data:
                by: states`,
  args,
  extra: 'functions',
  guards,
  run: callAll,
  watch: callAll,
})

export const wait = state({
  doc: `Calls execution functions as module.run does, but only where something that it watches has changed.
    Example:
      tell the mine:
        module.wait:
          - mine.update: []
          - watch:
            - file: /etc/hosts`,
  args,
  extra: 'functions',
  guards,
  run: () => unchanged(''),
  watch: callAll,
})

interface Call {
  fun: string
  arg: unknown[]
  kwarg: Record<string, unknown>
}

async function callAll(given: Args, context: StateContext): Promise<StateReturn> {
  const calls = callsOf(given)
  const known = knownFunctions(context)
  const missing = calls.filter(({ fun }) => !known.includes(fun)).map(({ fun }) => fun)
  if (missing.length > 0)
    return failed(
      `Unavailable function${missing.length > 1 ? 's' : ''}: ${missing.map(fun => `${fun}.${didYouMean(fun, known)}`).join(' ')}`,
    )
  const names = calls.map(({ fun }) => fun).join(', ')
  if (context.test) return wouldChange(`Function${calls.length > 1 ? 's' : ''} ${names} to be executed`)
  const failures: string[] = []
  const successes: string[] = []
  const changes: Record<string, unknown> = {}
  for (const { fun, arg, kwarg } of calls) {
    try {
      const returned = context.pillar.hide(await context.call(fun, arg, kwarg))
      const said = isObject(returned) && typeof returned.comment === 'string' ? returned.comment : undefined
      const problem = problemOf(returned)
      if (problem !== undefined) failures.push(`'${fun}' failed: ${said ?? problem}`)
      else {
        successes.push(`${fun}: ${said ?? (isObject(returned) ? 'Success' : JSON.stringify(returned))}`)
        changes[fun] = returned
      }
    } catch (error) {
      failures.push(`'${fun}' failed: ${errorMessage(error)}`)
    }
  }
  return { result: failures.length === 0, changes, comment: [...failures, ...successes].join(', ') }
}

/** What a function returns that fails without throwing. */
function problemOf(returned: unknown): string | undefined {
  if (returned === false) return 'it returned false'
  if (!isObject(returned)) return undefined
  if (returned.result === false) return 'its result is false'
  const { retcode = 0 } = returned
  return retcode === 0 ? undefined : `its return code is ${String(retcode)}`
}

const KNOWN = 'module.known'

/** Their help takes a while to make, so a run does it once. */
function knownFunctions({ docs, shared }: StateContext): string[] {
  const before = shared.get(KNOWN)
  if (before) return before as string[]
  const known = docs().flatMap(({ name, kind }) => (kind === 'execution' ? [name] : []))
  shared.set(KNOWN, known)
  return known
}

/** Functions have a dot in their names, and their arguments have none. */
function callsOf({ name, args, kwargs, functions }: Args): Call[] {
  const named = Object.entries(functions).filter(([key]) => key.includes('.'))
  if (named.length === 0) return [{ fun: name, arg: args, kwarg: { ...functions, ...kwargs } }]
  return named.map(([fun, given]) => {
    const all = given === null || given === undefined ? [] : [given].flat()
    return {
      fun,
      arg: all.filter(one => !isObject(one)),
      kwarg: Object.assign({}, ...all.filter(isObject)) as Record<string, unknown>,
    }
  })
}
