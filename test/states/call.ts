// Calls a state function as a state run of a minion would, on this machine.
import { silentLog } from '../../src/base/log.ts'
import { bindArgs } from '../../src/functions/args.ts'
import { loadFunctions } from '../../src/functions/load.ts'
import type { StateContext, StateReturn } from '../../src/functions/state-context.ts'

const states = await loadFunctions('state')
const execution = await loadFunctions('execution')

export function stateCaller(overrides: Partial<StateContext> = {}) {
  const fired: { tag: string; data: Record<string, unknown> }[] = []
  const said: typeof fired = []
  const context = {
    id: 'web1',
    jid: '20260101000000000000',
    user: 'tester',
    key: 'k',
    log: silentLog,
    signal: new AbortController().signal,
    grains: {},
    config: {},
    profiles: { smtp: {}, http: {} },
    test: false,
    shared: new Map(),
    onProcess: () => undefined,
    setRetcode: () => undefined,
    fire: async (tag, data) => void fired.push({ tag, data }),
    bus: { fire: async (tag, data) => void said.push({ tag, data }) },
    call: async (fun, arg = [], kwarg = {}) => {
      const fn = execution.get(fun)
      return (await fn.run(bindArgs(fun, fn, arg, kwarg), context)) ?? null
    },
    ...overrides,
  } as StateContext

  const run = async (
    how: 'run' | 'watch',
    fun: string,
    args: Record<string, unknown>,
    test: boolean,
  ): Promise<StateReturn> => {
    const fn = states.get(fun)
    const state = { ...overrides.state, id: String(args.name), sls: 'test', saltenv: 'base', fun }
    return (await fn[how]!(bindArgs(fun, fn, [], args), { ...context, test, state })) as StateReturn
  }
  return {
    fired,
    /** On the minion's own bus. */
    said,
    /** As the run does it. */
    call: (fun: string, args: Record<string, unknown>) => run('run', fun, args, false),
    /** With `test=True`. */
    test: (fun: string, args: Record<string, unknown>) => run('run', fun, args, true),
    /** What it does because something that it watches has changed. */
    watch: (fun: string, args: Record<string, unknown>) => run('watch', fun, args, false),
  }
}
