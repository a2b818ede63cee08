// What requisites refer to: the chunks of a name, an ID, an SLS, or of all that a pattern fits.
import { createFnmatch } from '../protocol/fnmatch.ts'
import { isPattern } from './names.ts'
import { ANY_REQUISITES, type Chunk, REQUISITES, type Resolved, type ResolvedKind } from './types.ts'

const KINDS = [...REQUISITES, ...ANY_REQUISITES]

/**
 * Of each chunk, what its requisites come to. References that are alike share one list of chunks. `watches` tells whether
 * a function does anything of its own when something that it watches has changed: for others `watch` is `require`.
 */
export function resolveRequisites(chunks: readonly Chunk[], watches: (chunk: Chunk) => boolean): Resolved[][] {
  const find = createFinder(chunks)
  const resolved = chunks.map(chunk =>
    KINDS.flatMap(word => {
      if (!Object.hasOwn(chunk, word)) return []
      const kind: ResolvedKind = word.startsWith('watch') && !watches(chunk) ? requireFor(word) : word
      return (chunk[word] as (string | Record<string, string>)[]).map((reference): Resolved => {
        const wanted = typeof reference === 'string' ? { id: reference } : reference
        const [module, name] = Object.entries(wanted)[0]!
        return { kind, wanted, chunks: find(module, name) }
      })
    }),
  )
  chunks.forEach(({ state, __id__ }, index) => {
    for (const { kind, chunks: targets } of [...resolved[index]!])
      if (kind === 'prereq')
        for (const target of targets)
          resolved[target]!.push({ kind: 'prerequired', wanted: { [state]: __id__ }, chunks: [index] })
  })
  return resolved
}

const requireFor = (word: string): ResolvedKind => (word === 'watch' ? 'require' : 'require_any')

/** The places of the chunks that `{module: name}` refers to, ascending. */
function createFinder(chunks: readonly Chunk[]): (module: string, name: string) => readonly number[] {
  const index = new Map<string, Map<string, Set<number>>>()
  const put = (module: string, name: string, at: number) => {
    const names = index.get(module) ?? new Map<string, Set<number>>()
    index.set(module, names)
    const places = names.get(name)
    if (places) places.add(at)
    else names.set(name, new Set([at]))
  }
  chunks.forEach(({ state, name, __id__, __sls__, __sls_included_from__ }, at) => {
    for (const module of [state, 'id']) for (const called of [name, __id__]) put(module, called, at)
    for (const sls of [__sls__, ...((__sls_included_from__ as string[] | undefined) ?? [])]) put('sls', sls, at)
  })
  const found = new Map<string, readonly number[]>()
  return (module, name) => {
    const key = `${module}\0${name}`
    const known = found.get(key)
    if (known) return known
    const names = index.get(module) ?? new Map<string, Set<number>>()
    // A name may look like a pattern and be no more than a name.
    const places = new Set(names.get(name))
    if (isPattern(name)) {
      const matches = createFnmatch(name)
      for (const [called, at] of names) if (matches(called)) for (const place of at) places.add(place)
    }
    const list = [...places].sort((a, b) => a - b)
    found.set(key, list)
    return list
  }
}
