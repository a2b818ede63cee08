// What functions see within one state run of a minion: the pillar as it was compiled for the run, and calls of other
// functions that see the same.
import { bindArgs } from '../functions/args.ts'
import type { ExecutionContext } from '../functions/minion-context.ts'
import type { Pillar, RenderOptions } from '../functions/minion-data.ts'
import type { Registry } from '../functions/registry.ts'
import { renderForJob } from '../sls/minion.ts'

/** The context with some of it in others' place; what is asked of the rest is asked of the context itself. */
export const contextWith = <C extends object, M extends object>(context: C, more: M): Omit<C, keyof M> & M =>
  Object.create(context, Object.getOwnPropertyDescriptors(more))

/**
 * Values that an event brought into the job's arguments stop here: which of them states may be rendered with is decided at the
 * door (the guard of `pillar`), and what an SLS makes of them its author has written.
 */
export function ownContext(job: ExecutionContext, registry: Registry<'execution'>, pillar: Pillar): ExecutionContext {
  const context: ExecutionContext = contextWith(job, {
    pillar: contextWith(job.pillar, { current: () => pillar }),
    // The return code of the job is that of the run, whatever its commands give.
    setRetcode: () => undefined,
    render: (text: string, options: RenderOptions) => renderForJob(context, text, options),
    call: async (fun: string, arg: unknown[] = [], kwarg: Record<string, unknown> = {}) => {
      const fn = registry.get(fun)
      return (await fn.run(bindArgs(fun, fn, arg, kwarg), context)) ?? null
    },
  })
  return context
}
