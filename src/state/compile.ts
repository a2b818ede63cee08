// The compiler of states: from the names of SLS to the chunks that are run, in order, with all that is wrong with them.

import { createChunks, type KnownFunctions } from './chunks.ts'
import { applyExcludes } from './exclude.ts'
import { applyExtends } from './extend.ts'
import { type Gathered, gather, type SlsSources } from './include.ts'
import { readExclusion } from './read-sls.ts'
import { applyRequisitesIn } from './requisite-in.ts'
import { resolveRequisites } from './requisites.ts'
import { sequence } from './sequence.ts'
import type { Body, Chunk, Compiled, HighData, Resolved } from './types.ts'

export interface CompilerOptions extends SlsSources {
  /** State functions, or those of orchestrations. */
  functions: KnownFunctions
}

export interface CompileOptions {
  /** SLS names, `{sls: …}`, `{id: …}`: left out, as if an SLS said so. */
  exclude?: readonly unknown[]
}

export interface Compiler {
  /** `matches`: by environment, the SLS to run, or patterns of them. What is wrong is in `errors`, all of it. Throws only where `listSls` does. */
  compile(matches: Readonly<Record<string, readonly string[]>>, options?: CompileOptions): Promise<Compiled>
}

export function createCompiler({ functions, ...sources }: CompilerOptions): Compiler {
  return {
    async compile(matches, { exclude = [] } = {}) {
      const errors: string[] = []
      const gathered = await gather(sources, matches, errors)
      gathered.excluded.push(...exclude.flatMap(item => readExclusion(item, 'of the call', errors)))
      const high = highOf(gathered)
      const refused = () => ({ high, chunks: [], requisites: [], errors: [...new Set(errors)] })
      if (errors.length > 0) return refused()
      applyExtends(gathered, errors)
      applyRequisitesIn(gathered.declared, errors)
      applyExcludes(gathered.declared, gathered.excluded)
      const chunks = createChunks(gathered.declared, functions, errors)
      if (errors.length > 0) return refused()
      const watches = ({ state, fun }: Chunk) => functions.get(`${state}.${fun}`).watch !== undefined
      const requisites = resolveRequisites(chunks, watches)
      const { order, cycles } = sequence(requisites)
      errors.push(...cycles.map(cycle => cycleError(cycle.map(index => chunks[index]!))))
      return errors.length > 0 ? refused() : { high, ...reordered(chunks, requisites, order), errors }
    },
  }
}

/** A copy, for what follows is worked into the declarations themselves. */
function highOf({ declared, extended, excluded }: Gathered): HighData {
  const copied = (body: Body) =>
    Object.fromEntries(Object.entries(body).map(([key, value]) => [key, Array.isArray(value) ? [...value] : value]))
  return {
    ...Object.fromEntries([...declared].map(([id, body]) => [id, copied(body)])),
    ...(extended.length > 0 && { __extend__: extended.map(([id, body]) => ({ [id]: copied(body) })) }),
    ...(excluded.length > 0 && { __exclude__: [...excluded] }),
  }
}

function reordered(chunks: readonly Chunk[], requisites: readonly Resolved[][], order: readonly number[]) {
  const place = new Uint32Array(chunks.length)
  order.forEach((from, to) => {
    place[from] = to
  })
  const moved = new Map<readonly number[], readonly number[]>()
  const move = (list: readonly number[]) => {
    const known = moved.get(list)
    if (known) return known
    const fresh = list.map(from => place[from]!).sort((a, b) => a - b)
    moved.set(list, fresh)
    return fresh
  }
  return {
    chunks: order.map(from => chunks[from]!),
    requisites: order.map(from => requisites[from]!.map(one => ({ ...one, chunks: move(one.chunks) }))),
  }
}

/** A cycle longer than this is told in part: nobody reads on. */
const MOST_OF_CYCLE = 50

function cycleError(cycle: readonly Chunk[]): string {
  const named = cycle.map(({ state, __id__, name }) => `${state}: ${__id__}${name === __id__ ? '' : ` (${name})`}`)
  const more = named.length - MOST_OF_CYCLE
  const told = more > 0 ? [...named.slice(0, MOST_OF_CYCLE), `… (${more} more)`] : named
  const ids = [...new Set(cycle.slice(0, MOST_OF_CYCLE).map(({ __id__ }) => `ID "${__id__}"`))]
  return `A recursive requisite was found, SLS "${cycle[0]!.__sls__}" ${ids.join(' ')}: ${told.join(' → ')}`
}
