// What functions see within one state run of a minion: the pillar as it was compiled for the run, and calls of other
// functions that see the same.
import { bindArgs } from '../functions/args.ts'
import type { ExecutionContext } from '../functions/minion-context.ts'
import type { Pillar, RenderOptions } from '../functions/minion-data.ts'
import type { Registry } from '../functions/registry.ts'
import { renderForJob } from '../sls/minion.ts'
import type { Conditions } from './conditions.ts'

/** The context with some of it in others' place; what is asked of the rest is asked of the context itself. */
export const contextWith = <C extends object, M extends object>(context: C, more: M): Omit<C, keyof M> & M =>
  Object.create(context, Object.getOwnPropertyDescriptors(more))

export interface OwnContext {
  context: ExecutionContext
  /** Calls a function of the minion for its answer; where it sets a return code that is not 0, the answer is no. */
  ask: Conditions['call']
}

/**
 * Values that an event brought into the job's arguments stop here: which of them states may be rendered with is decided at the
 * door (the guard of `pillar`), and what an SLS makes of them its author has written.
 */
export function ownContext(job: ExecutionContext, registry: Registry<'execution'>, pillar: Pillar): OwnContext {
  const callIn = async (within: ExecutionContext, fun: string, arg: unknown[], kwarg: Record<string, unknown>) => {
    const fn = registry.get(fun)
    return (await fn.run(bindArgs(fun, fn, arg, kwarg), within)) ?? null
  }
  const context: ExecutionContext = contextWith(job, {
    pillar: contextWith(job.pillar, { current: () => pillar }),
    // The return code of the job is that of the run, whatever its commands give.
    setRetcode: () => undefined,
    render: (text: string, options: RenderOptions) => renderForJob(context, text, options),
    call: (fun: string, arg: unknown[] = [], kwarg: Record<string, unknown> = {}) => callIn(context, fun, arg, kwarg),
  })
  const ask: OwnContext['ask'] = async (fun, args, named) => {
    let retcode = 0
    const setRetcode = (code: number) => {
      retcode = code
    }
    const answer = await callIn(contextWith(context, { setRetcode }), fun, args, named)
    return retcode === 0 ? answer : false
  }
  return { context, ask }
}
