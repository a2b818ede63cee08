// State runs of a minion, as its functions ask for them: a turn, a fresh pillar, the SLS compiled, and then the run.
import type { Log } from '../base/log.ts'
import type { ExecutionContext } from '../functions/minion-context.ts'
import type { Pillar } from '../functions/minion-data.ts'
import type { Registry } from '../functions/registry.ts'
import type { OfAState, StateContext } from '../functions/state-context.ts'
import type { StateRefusal, StateRun, StateRunOptions, States } from '../functions/states.ts'
import type { TargetContext } from '../protocol/target.ts'
import { surroundingsOf } from '../sls/minion.ts'
import { createTopMatcher, readTop, type TopOptions } from '../sls/top.ts'
import { minionConditions } from './commands.ts'
import { createCompiler } from './compile.ts'
import { contextWith, ownContext } from './own-context.ts'
import { partOf } from './part.ts'
import { createProgress } from './progress.ts'
import { runChunks } from './run.ts'
import { singleState } from './single.ts'
import { createSlsReader, type SlsReader } from './sls-reader.ts'
import type { StateTurns } from './turn.ts'
import type { Compiled } from './types.ts'

export interface StateParts {
  id: string
  registry: Registry<'state'>
  execution: Registry<'execution'>
  turns: StateTurns
  top: Pick<TopOptions, 'strategy' | 'envOrder' | 'defaultTop'>
  targets: TargetContext
  /** An event for every state. */
  stateEvents: boolean
  log: Log
}

/** Salt's return codes of runs: what does not begin, states that failed, and a pillar that does not render. */
const NOT_BEGUN = 1
const FAILED = 2
const NO_PILLAR = 5

const PILLAR_FAILED = 'Pillar failed to render with the following messages:'
const NO_MATCH = 'No Top file or master_tops data matches found. Please see master log for details.'
const NO_STATES = 'No states found for this minion'

/** What a run knows before it compiles. */
interface Ready {
  context: ExecutionContext
  sls: SlsReader
  pillar: Pillar
  saltenv: string
}

type Matches = Record<string, readonly string[]>

export function createStates(parts: StateParts): (job: ExecutionContext) => States {
  const matchTop = createTopMatcher(parts.targets)
  return job => statesOf(parts, matchTop, job)
}

function statesOf(parts: StateParts, matchTop: ReturnType<typeof createTopMatcher>, job: ExecutionContext): States {
  const { id, registry, turns, log } = parts

  const refuse = (lines: readonly string[], retcode: number): StateRefusal => {
    job.setRetcode(retcode)
    return lines
  }

  const ready = async (options: StateRunOptions): Promise<Ready | StateRefusal> => {
    const { saltenv, pillarenv, pillar: override } = options
    const pillar = await job.pillar.compile({
      ...(override ? { override } : {}),
      ...(pillarenv === undefined ? {} : { pillarenv }),
      ...(saltenv === undefined ? {} : { saltenv }),
    })
    if (pillar.errors.length > 0) return refuse([PILLAR_FAILED, ...pillar.errors], NO_PILLAR)
    const context = ownContext(job, parts.execution, pillar)
    const around = surroundingsOf(context)
    const opts = { test: options.test ?? false, saltenv: saltenv ?? null, pillarenv: pillarenv ?? null }
    const names = { ...around.names, opts: { ...(around.names.opts as object), ...opts } }
    const { files } = context
    const list = async (env: string) => ((await files.envs()).includes(env) ? files.list(env) : undefined)
    return { context, pillar, sls: createSlsReader({ ...around, names }, list), saltenv: saltenv ?? 'base' }
  }

  const compile = ({ sls }: Ready, matches: Matches, { exclude }: StateRunOptions): Promise<Compiled> =>
    createCompiler({ ...sls, functions: registry }).compile(matches, exclude ? { exclude } : {})

  /** What the top file gives this minion; refused where a part of it cannot be read. */
  const matchesOf = async (
    { context, sls, pillar }: Ready,
    { saltenv }: StateRunOptions,
  ): Promise<Record<string, string[]> | StateRefusal> => {
    const only = saltenv === undefined ? {} : { saltenv }
    const files = {
      envs: await context.files.envs(),
      read: async (name: string, env: string) => (await sls.renderSls(name, env))?.data,
    }
    const { top, errors } = await readTop(files, { ...parts.top, ...only })
    const found = matchTop(top, { id, grains: context.grains, pillar: pillar.value }, saltenv)
    const wrong = [...errors, ...found.errors]
    if (wrong.length > 0) return refuse(wrong, NOT_BEGUN)
    if (found.optional.size === 0) return found.matches
    return withoutMissing(found.matches, found.optional, sls)
  }

  const run = async (compiled: Compiled, { context }: Ready, { test = false }: StateRunOptions): Promise<StateRun> => {
    const progress = createProgress({
      id,
      jid: job.jid,
      every: parts.stateEvents,
      fire: (tag, data) => job.fire(tag, data),
      log,
    })
    const done = await runChunks({
      compiled,
      registry,
      contextOf: (of: OfAState) => contextWith(context, of) as StateContext,
      conditions: minionConditions(context),
      test,
      signal: job.signal,
      onResult: progress.over,
    })
    await progress.said()
    return finish(done)
  }
  const finish = (done: StateRun): StateRun => {
    job.setRetcode(Object.values(done).some(({ result }) => result === false) ? FAILED : 0)
    return done
  }

  /** Takes a turn for the time of the work. */
  const inTurn = async <T>(
    fun: string,
    options: StateRunOptions,
    work: () => Promise<T>,
  ): Promise<T | StateRefusal> => {
    const { concurrent = false, queue = false } = options
    const turn = await turns.take({ jid: job.jid, fun, concurrent, queue, signal: job.signal })
    if (turn.refused) return refuse(turn.refused, NOT_BEGUN)
    try {
      return await work()
    } finally {
      turn.done()
    }
  }

  const compiledOf = async (
    mods: readonly string[] | undefined,
    options: StateRunOptions,
    at: Ready,
  ): Promise<Compiled | StateRefusal | 'nothing'> => {
    const matches = mods ? { [at.saltenv]: mods } : await matchesOf(at, options)
    if (isRefusal(matches)) return matches
    if (Object.keys(matches).length === 0) return 'nothing'
    const compiled = await compile(at, matches, options)
    if (compiled.errors.length > 0) return refuse(compiled.errors, NOT_BEGUN)
    if (options.id === undefined) return compiled
    const part = partOf(compiled, options.id)
    return part.chunks.length > 0 ? part : refuse([noSuchId(options.id, mods, at.saltenv)], NOT_BEGUN)
  }

  return {
    apply: (mods, options) =>
      inTurn(options.fun ?? (mods ? 'state.sls' : 'state.highstate'), options, async () => {
        const at = await ready(options)
        if (isRefusal(at)) return at
        const compiled = await compiledOf(mods, options, at)
        if (compiled === 'nothing') return finish(noStates(NO_MATCH))
        if (isRefusal(compiled)) return compiled
        if (!mods && compiled.chunks.length === 0) return finish(noStates(NO_STATES))
        return run(compiled, at, options)
      }),
    single: (fun, name, args, options) =>
      inTurn('state.single', options, async () => {
        const at = await ready(options)
        if (isRefusal(at)) return at
        const compiled = await createCompiler({
          renderSls: async () => ({ data: singleState(fun, name, args), path: '' }),
          listSls: async () => [],
          functions: registry,
        }).compile({ [at.saltenv]: ['single'] })
        return compiled.errors.length > 0 ? refuse(compiled.errors, NOT_BEGUN) : run(compiled, at, options)
      }),
    async show(view, mods, options) {
      const at = await ready(options)
      if (isRefusal(at)) return at
      const compiled = await compiledOf(mods, options, at)
      if (compiled === 'nothing') return view === 'high' ? {} : []
      if (isRefusal(compiled)) return compiled
      return view === 'high' ? compiled.high : compiled.chunks
    },
    async showTop(options) {
      const at = await ready(options)
      return isRefusal(at) ? at : matchesOf(at, options)
    },
    running: () => turns.running(),
    docs: () => registry.docs(),
  }
}

const noSuchId = (id: string, mods: readonly string[] = [], saltenv: string): string =>
  `No matches for ID '${id}' found in SLS '${mods.join(',')}' within saltenv '${saltenv}'`

const isRefusal = (value: unknown): value is StateRefusal => Array.isArray(value)

/** Without those that may be missing and are. */
async function withoutMissing(matches: Record<string, string[]>, optional: ReadonlySet<string>, sls: SlsReader) {
  const kept: Record<string, string[]> = {}
  for (const [saltenv, names] of Object.entries(matches)) {
    const there = names.some(name => optional.has(`${saltenv}:${name}`)) ? await sls.listSls(saltenv) : undefined
    kept[saltenv] = there ? names.filter(name => !optional.has(`${saltenv}:${name}`) || there.includes(name)) : names
  }
  return kept
}

/** As Salt returns it: a run of one state that failed. */
const noStates = (comment: string): StateRun => ({
  'no_|-states_|-states_|-None': {
    ...{ name: 'No States', result: false, changes: {}, comment },
    ...{ __id__: 'states', __sls__: '', __run_num__: 0, start_time: '', duration: 0 },
  },
})
