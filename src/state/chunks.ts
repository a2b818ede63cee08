// From what IDs declare to chunks in the order of their numbers, before requisites have a say: Salt's compile_high_data and
// order_chunks.
import { didYouMean } from '../base/suggest.ts'
import type { FunctionDefinition } from '../functions/define.ts'
import { modulesOf } from './read-sls.ts'
import type { Arg, Body, Chunk } from './types.ts'
import { functionOf } from './verify.ts'
import { meantWord, refusedWord } from './words.ts'

/** The functions that there are, by `module.function`. */
export interface KnownFunctions {
  names(): readonly string[]
  /** Throws for one that is not there. */
  get(name: string): FunctionDefinition
}

/** A chunk whose place is not settled yet. */
interface Unordered {
  chunk: Omit<Chunk, 'order'> & { order?: number | 'first' | 'last' }
  /** Which of the `names` it is, from 1; without them 0. */
  nameOrder: number
}

/** What is wrong is pushed to `errors`: a function that is not there, a word that it cannot be given. */
export function createChunks(declared: ReadonlyMap<string, Body>, known: KnownFunctions, errors: string[]): Chunk[] {
  const names = new Set(known.names())
  const chunks: Unordered[] = []
  for (const [id, body] of declared)
    for (const [module, args] of modulesOf(body)) {
      const fun = functionOf({ id, key: module, sls: body.__sls__ }, args, errors)
      if (fun === undefined) continue
      const full = `${module}.${fun}`
      if (names.has(full)) {
        refuseWords(id, body, full, args, known.get(full), errors)
        chunks.push(...chunksOf(id, body, module, fun, args))
      } else
        errors.push(`State '${full}' was not found in SLS '${body.__sls__}' (ID '${id}').${didYouMean(full, names)}`)
    }
  return inOrder(chunks)
}

function refuseWords(
  id: string,
  { __sls__ }: Body,
  full: string,
  args: readonly Arg[],
  fn: FunctionDefinition,
  errors: string[],
): void {
  const words = args.flatMap(arg => {
    if (typeof arg === 'string') return []
    const [[word, value] = ['']] = Object.entries(arg)
    // Names may have arguments of their own.
    if (word !== 'names') return [word]
    return (value as unknown[]).flatMap(name =>
      typeof name === 'string' ? [] : argsOf(name).flatMap(own => Object.keys(own)),
    )
  })
  for (const word of new Set(words)) {
    const instead = refusedWord(word, fn)
    const meant = instead === undefined ? meantWord(word, fn) : undefined
    if (meant !== undefined)
      errors.push(`'${word}' of state '${id}' in SLS '${__sls__}' is no argument of ${full}. Did you mean '${meant}'?`)
    if (instead !== undefined)
      errors.push(`'${word}' of state '${id}' in SLS '${__sls__}' is not supported by ${full}: ${instead}`)
  }
}

const argsOf = (name: unknown): Record<string, unknown>[] =>
  Object.values(name as Record<string, Record<string, unknown>[]>)[0]!

/** One chunk, or one for each name. */
function chunksOf(id: string, body: Body, state: string, fun: string, args: readonly Arg[]): Unordered[] {
  const { __sls__, __env__, __sls_included_from__ } = body
  const from = __sls_included_from__ ? { __sls_included_from__ } : {}
  const given = Object.assign({}, ...args.filter(arg => typeof arg !== 'string')) as Record<string, unknown>
  const { names, ...shared } = given
  const base = { state, name: id, __sls__, __env__, ...from, __id__: id, ...shared, fun }
  if (!Array.isArray(names)) return [{ chunk: base, nameOrder: 0 }]
  return names.map((name, index) => {
    const own = typeof name === 'string' ? {} : Object.assign({}, ...argsOf(name))
    const called = typeof name === 'string' ? name : Object.keys(name)[0]!
    return { chunk: { ...base, ...own, name: called }, nameOrder: index + 1 }
  })
}

/** How far behind all others `last` and negative orders come. */
const LAST = 1_000_000

/** By order; where it is the same, by module, name and function. */
function inOrder(chunks: readonly Unordered[]): Chunk[] {
  const numbers = chunks.flatMap(({ chunk: { order } }) => (Number.isInteger(order) ? [order as number] : []))
  const highest = numbers.reduce((most, order) => Math.max(most, order), 0)
  const cap = highest > 0 ? highest + 100 : 1
  const keyed = chunks.map(({ chunk: { order = cap, ...chunk }, nameOrder }) => {
    const number = order === 'last' ? cap + LAST : order === 'first' ? 0 : order
    const among = number + nameOrder / 10_000
    const settled = { ...chunk, order: among < 0 ? cap + LAST + among : among } as Chunk
    return { chunk: settled, label: `${settled.state}${settled.name}${settled.fun}` }
  })
  keyed.sort((a, b) => a.chunk.order - b.chunk.order || (a.label < b.label ? -1 : a.label > b.label ? 1 : 0))
  return keyed.map(({ chunk }) => chunk)
}
