// Compiles SLS that are given as plain data, by their paths below the roots without `.sls`.
import { z } from 'zod'
import { state } from '../../src/functions/define.ts'
import { createRegistry } from '../../src/functions/registry.ts'
import { type CompileOptions, createCompiler } from '../../src/state/compile.ts'
import { slsOf, slsPaths } from '../../src/state/names.ts'
import type { Compiled } from '../../src/state/types.ts'

const spec = { doc: 'A state.\nExample: none', run: () => ({ result: true, changes: {}, comment: '' }) }
const plain = state({ ...spec, extra: 'args' })
const watching = state({ ...spec, extra: 'args', watch: spec.run })
const withUmask = state({ ...spec, args: { umask: z.number().optional().describe('Its umask.') }, extra: 'args' })

export const functions = createRegistry(
  'state',
  new Map([
    ['file.managed', plain],
    ['file.directory', plain],
    ['file.symlink', plain],
    ['pkg.installed', plain],
    ['cmd.run', withUmask],
    ['service.running', watching],
    ['test.nop', plain],
    ['pkg.removed', state({ ...spec, args: { name: z.string().describe('Its name.') } })],
  ]),
)

/** Files by path, of the environment `base`, or of those named before a colon: `dev:web/init`. */
export type Files = Record<string, unknown>

export function compileFiles(
  files: Files,
  matches: Record<string, string[]>,
  options?: CompileOptions,
): Promise<Compiled> {
  const all = new Map<string, Map<string, unknown>>([['base', new Map()]])
  for (const [key, data] of Object.entries(files)) {
    const [path, saltenv = 'base'] = key.split(':').reverse() as [string, string?]
    all.set(saltenv, (all.get(saltenv) ?? new Map()).set(`${path}.sls`, data))
  }
  const compiler = createCompiler({
    functions,
    listSls: async saltenv => {
      const paths = all.get(saltenv)
      return paths && [...paths.keys()].flatMap(path => slsOf(path) ?? [])
    },
    renderSls: async (sls, saltenv) => {
      const path = slsPaths(sls).find(candidate => all.get(saltenv)?.has(candidate))
      return path === undefined ? undefined : { data: all.get(saltenv)!.get(path), path }
    },
  })
  return compiler.compile(matches, options)
}

/** Compiles one SLS of the name `web`, beside others. */
export const compileOf = (data: unknown, others: Files = {}, options?: CompileOptions): Promise<Compiled> =>
  compileFiles({ web: data, ...others }, { base: ['web'] }, options)

/** `id` of each chunk, in order; with its name where that is another. */
export const idsOf = ({ chunks, errors }: Compiled): string[] => {
  if (errors.length > 0) throw new Error(errors.join('\n'))
  return chunks.map(({ __id__, name }) => (name === __id__ ? name : `${__id__}/${name}`))
}

/** What the requisites of the chunk of an ID come to: `require a,b`. */
export const requisitesOf = (compiled: Compiled, id: string): string[] => {
  const at = compiled.chunks.findIndex(({ __id__ }) => __id__ === id)
  return compiled.requisites[at]!.map(
    ({ kind, chunks }) => `${kind} ${chunks.map(index => compiled.chunks[index]!.__id__).join(',')}`,
  )
}
