// State runs of a minion, as its functions ask for them: a turn, what the run needs, and then the run.
import type { ExecutionContext } from '../functions/minion-context.ts'
import type { OfAState, StateContext } from '../functions/state-context.ts'
import type { StateRefusal, StateRun, StateRunOptions, States } from '../functions/states.ts'
import { jobProgress } from '../protocol/catalogue/jobs.ts'
import { minionConditions } from './commands.ts'
import { orLeftBehind } from './left-behind.ts'
import { contextWith } from './own-context.ts'
import {
  createPreparations,
  isRefusal,
  type Preparation,
  type PreparationParts,
  type Ready,
  refuse,
} from './prepare.ts'
import { createProgress } from './progress.ts'
import { runChunks } from './run.ts'
import type { StateTurns } from './turn.ts'
import type { Compiled } from './types.ts'

export interface StateParts extends PreparationParts {
  turns: StateTurns
  /** An event for every state. */
  stateEvents: boolean
}

/** Salt's return code of a run in which states failed. */
const FAILED = 2

const NO_MATCH = 'No Top file or master_tops data matches found. Please see master log for details.'
const NO_STATES = 'No states found for this minion'

export function createStates(parts: StateParts): (job: ExecutionContext) => States {
  const prepare = createPreparations(parts)
  return job => statesOf(parts, prepare(job), job)
}

function statesOf({ id, registry, turns, stateEvents }: StateParts, prepare: Preparation, job: ExecutionContext) {
  const run = async (compiled: Compiled, ready: Ready, { test = false }: StateRunOptions): Promise<StateRun> => {
    const progress = createProgress({
      id,
      jid: job.jid,
      progress: jobProgress,
      every: stateEvents,
      fire: (tag, data) => job.fire(tag, data),
      log: job.log,
    })
    const done = await runChunks({
      compiled,
      registry,
      contextOf: (of: OfAState) => contextWith(ready.context, of) as StateContext,
      conditions: minionConditions(ready),
      test,
      signal: job.signal,
      // Before it is cut to the size of an event: of a secret that is cut off not all its forms are known.
      onResult: over => progress.over({ ...over, result: job.pillar.hide(over.result) }),
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
    if (turn.refused) return refuse(job, turn.refused)
    try {
      return await orLeftBehind(work(), job.signal)
    } finally {
      turn.done()
    }
  }

  const states: States = {
    apply: (mods, options) =>
      inTurn(options.fun ?? (mods ? 'state.sls' : 'state.highstate'), options, async () => {
        const at = await prepare.ready(options)
        if (isRefusal(at)) return at
        const compiled = await prepare.compile(mods, options, at)
        if (compiled === 'nothing') return finish(noStates(NO_MATCH))
        if (isRefusal(compiled)) return compiled
        if (!mods && compiled.chunks.length === 0) return finish(noStates(NO_STATES))
        return run(compiled, at, options)
      }),
    single: (fun, name, args, options) =>
      inTurn('state.single', options, async () => {
        const at = await prepare.ready(options)
        if (isRefusal(at)) return at
        const compiled = await prepare.single(fun, name, args, at)
        return isRefusal(compiled) ? compiled : run(compiled, at, options)
      }),
    async show(view, mods, options) {
      const at = await prepare.ready(options)
      if (isRefusal(at)) return at
      const compiled = await prepare.compile(mods, options, at)
      if (compiled === 'nothing') return view === 'high' ? {} : []
      if (isRefusal(compiled)) return compiled
      return view === 'high' ? compiled.high : compiled.chunks
    },
    async showTop(options) {
      const at = await prepare.ready(options)
      return isRefusal(at) ? at : prepare.matches(at, options)
    },
    running: () => turns.running(),
    docs: () => registry.docs(),
  }
  return states
}

/** As Salt returns it: a run of one state that failed. */
const noStates = (comment: string): StateRun => ({
  'no_|-states_|-states_|-None': {
    ...{ name: 'No States', result: false, changes: {}, comment },
    ...{ __id__: 'states', __sls__: '', __run_num__: 0, start_time: '', duration: 0 },
  },
})
