// Module `state`: brings this minion into the state that SLS files or the top file declare.
import { z } from 'zod'
import { isObject } from '../base/json.ts'
import { execution } from '../functions/define.ts'
import { fixed, functionName } from '../functions/guards.ts'
import type { ExecutionContext } from '../functions/minion-context.ts'
import type { StateView } from '../functions/states.ts'
import {
  concurrent,
  exclude,
  forMods,
  type Given,
  guards,
  type Mods,
  mods,
  modsText,
  optionsOf,
  queue,
  testMode,
  where,
  which,
} from '../state/arguments.ts'

const applied = (context: ExecutionContext, { mods = [], ...options }: Given & Mods) =>
  context.states.apply(mods.length > 0 ? mods : undefined, optionsOf(options))

export const apply = execution({
  doc: `Runs the states of these SLS, or without any those that the top file gives this minion.
    Returns for each state {name, result, changes, comment, …}, or a list of what is wrong where nothing was run. Return codes:
    0, 1 nothing was run, 2 states failed, 5 the pillar does not render.
    Example: reactor call web1 state.apply web,users test=True`,
  args: { mods: modsText.optional().describe('SLS names: a list, or a text with commas'), ...forMods },
  guards,
  run: (args, context) => applied(context, { ...args, fun: 'state.apply' }),
})

export const sls = execution({
  doc: `Runs the states of these SLS, as state.apply does.
    Example: reactor call web1 state.sls web pillar='{port: 8080}'`,
  args: { mods, ...forMods },
  guards,
  run: (args, context) => applied(context, { ...args, fun: 'state.sls' }),
})

const { test: _mode, ...forTest } = forMods

/** As `state.apply` with `test=True`. */
export const test = execution({
  doc: `Says what state.apply would do, as it does with test=True.
    Example: reactor call web1 state.test web`,
  args: { mods: modsText.optional().describe('SLS names: a list, or a text with commas'), ...forTest },
  guards,
  idempotent: true,
  run: (args, context) => applied(context, { ...args, test: true, fun: 'state.test' }),
})

export const highstate = execution({
  doc: `Runs the states that the top file gives this minion.
    Example: reactor call web1 state.highstate test=True`,
  args: { test: testMode, queue, exclude, ...where, concurrent },
  guards,
  run: (args, context) => applied(context, { ...args, fun: 'state.highstate' }),
})

export const sls_id = execution({
  doc: `Runs the states of one ID of these SLS, and those that they require.
    Example: reactor call web1 state.sls_id /etc/motd web`,
  args: { id_: z.string().min(1).describe('the ID'), mods, test: testMode, queue, ...where, concurrent },
  guards: { ...guards, id_: which },
  run: ({ id_, ...args }, context) => applied(context, { ...args, id: id_, fun: 'state.sls_id' }),
})

export const single = execution({
  doc: `Runs one state function.
    Example: reactor call web1 state.single file.managed /etc/motd contents=hello test=True`,
  args: {
    fun: z.string().min(1).describe('the state function, such as pkg.installed'),
    name: z.string().min(1).describe('its name'),
    test: testMode,
    queue,
    ...where,
    concurrent,
  },
  extra: 'kwargs',
  guards: { ...guards, fun: functionName, name: which, kwargs: fixed('an argument of a state') },
  run: ({ fun, name, kwargs, ...options }, context) => context.states.single(fun, name, kwargs, optionsOf(options)),
})

const shown = (view: StateView, context: ExecutionContext, { mods, ...options }: Given & Mods) =>
  context.states.show(view, mods, optionsOf(options))

export const show_sls = execution({
  doc: `Shows the data of these SLS as they render on this minion, merged; nothing is run.
    Example: reactor call web1 state.show_sls web`,
  args: { mods, exclude, ...where },
  guards,
  idempotent: true,
  run: (args, context) => shown('high', context, args),
})

export const show_low_sls = execution({
  doc: `Shows the states of these SLS in the order in which they would run.
    Example: reactor call web1 state.show_low_sls web`,
  args: { mods, exclude, ...where },
  guards,
  idempotent: true,
  run: (args, context) => shown('low', context, args),
})

export const show_highstate = execution({
  doc: `Shows the data of what the top file gives this minion, merged; nothing is run.
    Example: reactor call web1 state.show_highstate`,
  args: { exclude, ...where },
  guards,
  idempotent: true,
  run: (args, context) => shown('high', context, args),
})

export const show_lowstate = execution({
  doc: `Shows the states that the top file gives this minion, in the order in which they would run.
    Example: reactor call web1 state.show_lowstate`,
  args: { exclude, ...where },
  guards,
  idempotent: true,
  run: (args, context) => shown('low', context, args),
})

export const show_states = execution({
  doc: `Lists the SLS that a highstate of this minion has states of, included ones too.
    Example: reactor call web1 state.show_states`,
  args: where,
  guards,
  idempotent: true,
  async run(args, context) {
    const chunks = await shown('low', context, args)
    if (!Array.isArray(chunks) || !chunks.every(isObject)) return chunks
    return [...new Set(chunks.map(chunk => chunk.__sls__))]
  },
})

export const show_top = execution({
  doc: `Shows which SLS of which environment the top file gives this minion.
    Example: reactor call web1 state.show_top`,
  args: where,
  guards,
  idempotent: true,
  run: (args, context) => context.states.showTop(optionsOf(args)),
})

/** The data of these SLS; undefined where they cannot be read, which is no failure of who asks for that. */
async function highOf(context: ExecutionContext, args: Given & { mods: string[] }) {
  const high = await shown('high', context, args)
  context.setRetcode(0)
  return isObject(high) ? high : undefined
}

export const sls_exists = execution({
  doc: `Whether these SLS are there, and can be read.
    Example: reactor call web1 state.sls_exists web`,
  args: { mods, ...where },
  guards,
  idempotent: true,
  run: async (args, context) => (await highOf(context, args)) !== undefined,
})

export const id_exists = execution({
  doc: `Whether these IDs are declared in these SLS.
    Example: reactor call web1 state.id_exists /etc/motd web`,
  args: { ids: modsText.describe('IDs: a list, or a text with commas'), mods, ...where },
  guards: { ...guards, ids: which },
  idempotent: true,
  async run({ ids, ...args }, context) {
    const high = await highOf(context, args)
    return high !== undefined && ids.every(id => !id.startsWith('__') && Object.hasOwn(high, id))
  },
})

export const running = execution({
  doc: `Says which state runs go on, one line each.
    Example: reactor call web1 state.running`,
  args: { concurrent: z.boolean().default(false).describe('True: none counts, as a run beside others asks') },
  idempotent: true,
  run: ({ concurrent }, context) => (concurrent ? [] : context.states.running()),
})
