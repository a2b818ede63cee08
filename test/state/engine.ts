// State runs without a minion, for tests: SLS data through the compiler, and made-up state functions that say what they did.
import { z } from 'zod'
import { type FunctionDefinition, state } from '../../src/functions/define.ts'
import { createRegistry } from '../../src/functions/registry.ts'
import type { OfAState, StateContext, StateReturn } from '../../src/functions/state-context.ts'
import type { StateRun } from '../../src/functions/states.ts'
import { createCompiler } from '../../src/state/compile.ts'
import type { Conditions } from '../../src/state/conditions.ts'
import { type RunParts, runChunks } from '../../src/state/run.ts'

const arg = z.unknown().optional().describe('x')

export interface Calls {
  /** `<name>`, `<name> test`, `<name> watch`, in the order of the calls. */
  calls: string[]
}

function functionsOf(calls: string[], own: Record<string, FunctionDefinition<'state'>>) {
  const say = (name: unknown, how: string, context: OfAState) =>
    calls.push([name, how, context.test ? 'test' : ''].filter(Boolean).join(' '))
  const would = (context: OfAState, changes: Record<string, unknown>): StateReturn => ({
    result: context.test ? null : true,
    changes,
    comment: context.test ? 'would change' : 'changed',
  })
  const name = z.string().describe('x')
  const functions: Record<string, FunctionDefinition<'state'>> = {
    'it.changes': state({
      doc: 'x',
      args: { name, check_me: arg },
      run(args, context) {
        say(args.name, '', context)
        return would(context, { [args.name]: 'new' })
      },
    }),
    'it.stays': state({
      doc: 'x',
      args: { name },
      run(args, context) {
        say(args.name, '', context)
        return { result: true, changes: {}, comment: 'as it should be' }
      },
    }),
    'it.fails': state({
      doc: 'x',
      args: { name },
      run(args, context) {
        say(args.name, '', context)
        return { result: false, changes: {}, comment: 'no' }
      },
    }),
    'it.throws': state({
      doc: 'x',
      args: { name },
      run() {
        throw new Error('it broke')
      },
    }),
    'it.returns': state({ doc: 'x', args: { name, what: arg }, run: ({ what }) => what }),
    'srv.runs': state({
      doc: 'x',
      args: { name, change: z.boolean().default(false).describe('x'), fail: z.boolean().default(false).describe('x') },
      run(args, context) {
        say(args.name, '', context)
        if (args.fail) return { result: false, changes: {}, comment: 'no' }
        return args.change ? would(context, { [args.name]: 'started' }) : { result: true, changes: {}, comment: 'runs' }
      },
      watch(args, context) {
        say(args.name, 'watch', context)
        return { ...would(context, { [args.name]: true }), comment: 'restarted' }
      },
    }),
    ...own,
  }
  return createRegistry('state', new Map(Object.entries(functions)))
}

type Options = Partial<Pick<RunParts<'state'>, 'test' | 'failhard' | 'signal' | 'onResult'>> & {
  conditions?: Conditions
  functions?: Record<string, FunctionDefinition<'state'>>
}

/** Compiles an SLS and runs it. */
export async function runSls(
  data: Record<string, unknown>,
  { functions = {}, conditions, test = false, signal = new AbortController().signal, ...more }: Options = {},
): Promise<{ run: StateRun; calls: string[]; by(id: string): StateRun[string] | undefined }> {
  const calls: string[] = []
  const registry = functionsOf(calls, functions)
  const { compile } = createCompiler({
    renderSls: async () => ({ data, path: 'web.sls' }),
    listSls: async () => ['web'],
    functions: registry,
  })
  const compiled = await compile({ base: ['web'] })
  if (compiled.errors.length > 0) throw new Error(compiled.errors.join('\n'))
  const run = await runChunks<'state'>({
    compiled,
    registry,
    contextOf: of => ({ signal, ...of }) as StateContext,
    test,
    signal,
    ...(conditions ? { conditions } : {}),
    ...more,
  })
  return { run, calls, by: id => Object.values(run).find(one => one.__id__ === id) }
}
