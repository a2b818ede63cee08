// What templates on a minion are rendered with, as part of a job: files of the master, functions, grains and pillar of the minion.
import { readFile } from 'node:fs/promises'
import type { ExecutionContext } from '../functions/minion-context.ts'
import type { RenderOptions } from '../functions/minion-data.ts'
import { renderText } from './render.ts'
import type { SlsSurroundings } from './types.ts'

export function surroundingsOf(job: ExecutionContext): SlsSurroundings {
  let functions: Set<string> | undefined
  return {
    async load(path, saltenv) {
      const copy = await job.files.cache(path, saltenv)
      return copy === undefined ? undefined : await readFile(copy, 'utf8')
    },
    call: (fun, args, named) => job.call(fun, args, named),
    has(fun) {
      functions ??= new Set(job.docs().map(doc => doc.name))
      return functions.has(fun)
    },
    names: { grains: job.grains, pillar: job.pillar.current().value, opts: { ...job.config, id: job.id } },
  }
}

/** The `render` of a minion's functions. */
export const renderForJob = (job: ExecutionContext, text: string, options: RenderOptions): Promise<string> =>
  renderText(text, options, surroundingsOf(job))
