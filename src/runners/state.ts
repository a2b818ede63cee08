// Runner `state`: orchestrations, whose states are jobs: on minions, on job workers, in the master.
import { z } from 'zod'
import { isObject } from '../base/json.ts'
import { cut } from '../base/text.ts'
import { runner } from '../functions/define.ts'
import { failedReturn } from '../functions/failed-return.ts'
import { fixed, functionName, pillarValues } from '../functions/guards.ts'
import type { RunnerContext } from '../functions/runner-context.ts'
import type { StateRefusal, StateRun } from '../functions/states.ts'
import { splitInput } from '../report/search.ts'

const LONGEST_REASON = 1000

const mods = z
  .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
  .describe('SLS by name: one, or several as a list or with commas')
const saltenv = z.string().default('base').describe('the environment of file_roots that they are in')
const test = z.boolean().nullish().describe('only say what would be done')
const pillar = z.record(z.string(), z.unknown()).nullish().describe('laid over the pillar of the run')
const pillarenv = z.string().nullish().describe('only the pillar of this environment')
const guards = {
  mods: fixed('the name of an SLS'),
  saltenv: fixed('an environment'),
  test: fixed('whether it is done'),
  pillar: pillarValues,
  pillarenv: fixed('an environment'),
}

export const orchestrate = runner({
  doc: `Runs an orchestration: SLS of file_roots, whose states are steps such as salt.state, salt.function, salt.runner and
    salt.wheel, with requisites. Each step is held to the rights of who asked. Returns {data: {<host>_master: <results>},
    outputter, retcode}; the job has failed where a step has.
    Example: reactor run state.orchestrate deploy.site pillar='{version: "1.4.2"}'`,
  args: {
    mods,
    saltenv,
    test,
    exclude: z
      .union([z.string(), z.array(z.unknown())])
      .nullish()
      .describe('what is left out: SLS, or {id: …} and {sls: …}'),
    pillar,
    pillarenv,
  },
  guards: { ...guards, exclude: fixed('what is left out') },
  async run({ mods, exclude, ...options }, context) {
    const left = typeof exclude === 'string' ? splitInput(exclude) : exclude
    const run = await context.orchestrations.apply(splitInput(mods), given({ ...options, exclude: left }))
    return returned(run, context)
  },
})

/** Salt's other names of it. */
export const orch = orchestrate
export const sls = orchestrate

export const orchestrate_single = runner({
  doc: `Runs one step, such as salt.function, and returns as state.orchestrate does.
    Example: reactor run state.orchestrate_single fun=salt.function name=test.ping tgt='web*'`,
  args: {
    fun: z.string().min(1).describe('the function of the step'),
    name: z.string().min(1).describe('its name'),
    test,
    pillar,
  },
  extra: 'kwargs',
  guards: {
    fun: functionName,
    name: fixed('the name of a step'),
    test: guards.test,
    pillar: pillarValues,
    kwargs: fixed('an argument of a step'),
  },
  run: async ({ fun, name, kwargs, ...options }, context) =>
    returned(await context.orchestrations.single(fun, name, kwargs, given(options)), context),
})

export const orchestrate_show_sls = runner({
  doc: `Shows the data of an orchestration, merged, and runs nothing: {<host>_master: <data>}.
    Example: reactor run state.orchestrate_show_sls deploy.site`,
  args: { mods, saltenv, test, pillar, pillarenv },
  guards,
  async run({ mods, ...options }, context) {
    const data = await context.orchestrations.show('high', splitInput(mods), given(options))
    const value = { [context.orchestrations.id]: data }
    if (Array.isArray(data)) throw failedReturn(reasonOf(data), value)
    return value
  },
})

type Options = Parameters<RunnerContext['orchestrations']['apply']>[1]

/** What was given; null is nothing. */
const given = (options: { [K in keyof Options]?: Options[K] | null | undefined }): Options =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== null && value !== undefined))

/** In Salt's shape. Throws it where a step has failed, or none could begin. */
function returned(run: StateRun | StateRefusal, { orchestrations }: RunnerContext): unknown {
  const reason = reasonOf(run)
  const value = { data: { [orchestrations.id]: run }, outputter: 'highstate', retcode: reason === '' ? 0 : 1 }
  if (reason !== '') throw failedReturn(reason, value)
  return value
}

/** Why it has failed; empty where it has not. */
function reasonOf(run: unknown): string {
  const failed = isObject(run)
    ? (Object.values(run) as StateRun[string][])
        .filter(({ result }) => result === false)
        .map(({ __id__, comment }) => `${__id__}: ${comment}`)
    : (run as StateRefusal)
  return cut(failed.join('; ').replace(/\s+/g, ' '), LONGEST_REASON)
}
