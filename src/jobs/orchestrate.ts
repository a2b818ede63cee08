// Orchestrations on a job worker: SLS of the master's file_roots, compiled as states are, whose steps use what runner functions
// may, in the name of who asked.
import { hostname } from 'node:os'
import { ReactorError } from '../base/errors.ts'
import { isObject } from '../base/json.ts'
import type { Log } from '../base/log.ts'
import type { FileSource } from '../files/source.ts'
import { readText } from '../files/text.ts'
import type { Registry } from '../functions/registry.ts'
import type { Orchestrations, RunnerContext } from '../functions/runner-context.ts'
import type { OfAState, OrchestrationContext } from '../functions/state-context.ts'
import type { StateRefusal, StateRun, StateRunOptions } from '../functions/states.ts'
import { orchestrationProgress } from '../protocol/catalogue/jobs.ts'
import type { SlsSurroundings } from '../sls/types.ts'
import { createCompiler } from '../state/compile.ts'
import { contextWith } from '../state/own-context.ts'
import { createProgress } from '../state/progress.ts'
import { runChunks } from '../state/run.ts'
import { singleState } from '../state/single.ts'
import { createSlsReader, type SlsReader } from '../state/sls-reader.ts'
import type { Compiled } from '../state/types.ts'

export interface OrchestrationParts {
  files: FileSource
  registry: Registry<'orchestration'>
  /** Names of the runner functions that templates may call. */
  runners: readonly string[]
  log: Log
}

/** `context`: what the steps use. */
export type OpenOrchestrations = (context: () => RunnerContext) => Orchestrations

const PILLAR_FAILED = 'Pillar failed to render with the following messages:'

export function createOrchestrations(parts: OrchestrationParts): OpenOrchestrations {
  const { files, registry, log } = parts
  const host = hostname()
  const id = `${host}_master`
  const grains = { id, host }

  const readerOf = (surroundings: SlsSurroundings): SlsReader =>
    createSlsReader(surroundings, async saltenv =>
      (await files.envs()).includes(saltenv) ? files.list('list', saltenv, '') : undefined,
    )

  return open => {
    const compile = async (
      reader: (surroundings: SlsSurroundings) => SlsReader,
      mods: readonly string[],
      options: StateRunOptions,
      context: RunnerContext,
    ): Promise<Compiled | StateRefusal> => {
      const { exclude, test = false, pillar: override, saltenv = 'base', pillarenv } = options
      const wanted = { grains, saltenv, ...(override ? { override } : {}), ...(pillarenv ? { pillarenv } : {}) }
      const pillar = await context.pillars.show(id, wanted)
      if (pillar.errors.length > 0) return [PILLAR_FAILED, ...pillar.errors]
      const surroundings: SlsSurroundings = {
        load: (path, env) => readText(files, path, env),
        call: (fun, args, named) => callInTemplate(context, fun, args, named),
        has: fun => fun === 'saltutil.runner' || parts.runners.includes(fun),
        names: {
          grains,
          pillar: pillar.value,
          opts: { id, test, saltenv, pillarenv: pillarenv ?? null, __role: 'master' },
        },
      }
      const compiler = createCompiler({ ...reader(surroundings), functions: registry })
      const compiled = await compiler.compile({ [saltenv]: mods }, exclude ? { exclude } : {})
      return compiled.errors.length > 0 ? compiled.errors : compiled
    }

    const run = async (
      compiled: Compiled,
      { test = false }: StateRunOptions,
      context: RunnerContext,
    ): Promise<StateRun> => {
      const { jid, signal } = context
      // Below the job's own tag, where whoever may call it may speak.
      const progress = createProgress({
        ...{ id, jid, log },
        progress: orchestrationProgress,
        every: true,
        fire: (tag, data) => context.fire(tag, data),
      })
      const done = await runChunks({
        compiled,
        registry,
        contextOf: (of: OfAState): OrchestrationContext => contextWith(context, of),
        conditions: { call: (fun, args, named) => callInTemplate(context, fun, args, named) },
        test,
        signal,
        onResult: progress.over,
      })
      await progress.said()
      // What has not run is in no return: then it has none.
      signal.throwIfAborted()
      return done
    }

    return {
      id,
      async apply(mods = [], options) {
        const context = open()
        const compiled = await compile(readerOf, mods, options, context)
        return isRefusal(compiled) ? compiled : run(compiled, options, context)
      },
      async single(fun, name, args, options) {
        const context = open()
        const sources = {
          renderSls: async () => ({ data: singleState(fun, name, args), path: '' }),
          listSls: async () => [],
        }
        const compiled = await compile(() => sources, ['single'], options, context)
        return isRefusal(compiled) ? compiled : run(compiled, options, context)
      },
      async show(view, mods = [], options) {
        const compiled = await compile(readerOf, mods, options, open())
        if (isRefusal(compiled)) return compiled
        return view === 'high' ? compiled.high : compiled.chunks
      },
    }
  }
}

const isRefusal = (value: Compiled | StateRefusal): value is StateRefusal => Array.isArray(value)

/** `salt['manage.up']()`, or as Salt's templates ask for it: `salt['saltutil.runner']('manage.up')`. Throws its failure. */
async function callInTemplate(
  { run }: RunnerContext,
  fun: string,
  args: unknown[],
  named: Record<string, unknown>,
): Promise<unknown> {
  const call = fun === 'saltutil.runner' ? namedRunner(args, named) : { fun, arg: args, kwarg: named }
  const { success, return: value } = await run('runner', call.fun, call.arg, call.kwarg)
  if (success) return value
  throw new ReactorError('function_failed', typeof value === 'string' ? value : JSON.stringify(value))
}

function namedRunner([name, ...args]: unknown[], { arg, kwarg, ...named }: Record<string, unknown>) {
  if (typeof name !== 'string') throw new ReactorError('bad_argument', 'saltutil.runner needs the name of a function')
  return {
    fun: name,
    arg: [...args, ...(Array.isArray(arg) ? arg : [])],
    kwarg: { ...named, ...(isObject(kwarg) ? kwarg : {}) },
  }
}
