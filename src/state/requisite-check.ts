// What the requisites of a state say of it, from the results of the states that they name.
import { type Done, hasChanged } from './result.ts'
import type { Chunk, Resolved } from './types.ts'

export type Verdict =
  /** `changed`: something that it watches has changed. */
  | { kind: 'run'; changed: boolean }
  | { kind: 'not_found'; lost: Resolved[] }
  /** The first of the chunks that failed. */
  | { kind: 'failed'; by: number[] }
  | { kind: 'skip'; comment: string }

/** Failed states that a comment names. */
const MOST_NAMED = 50

const NO_PREREQ = 'No changes detected'
const NO_ONFAIL = 'State was not run because onfail req did not change'
const NO_ONCHANGES = 'State was not run because none of the onchanges reqs changed'

/** What the results of the chunks of one list amount to. Those that have not run say nothing. */
interface Summary {
  ran: number
  failures: readonly number[]
  /** One is well, or has changed, or would be. */
  well: boolean
  changed: boolean
  foreseen: boolean
}

/**
 * Judges states by their requisites. `resultOf` gives for `prereq` what the target would do. What a list of chunks amounts to is
 * found once, since references that are alike share theirs: a thousand states may require one SLS of a thousand.
 */
export function createJudge(resultOf: (kind: Resolved['kind'], chunk: number) => Done | undefined) {
  const settled = new WeakMap<readonly number[], Summary>()
  const summaryOf = ({ kind, chunks }: Resolved): Summary => {
    const known = kind === 'prereq' ? undefined : settled.get(chunks)
    if (known) return known
    const found = chunks.flatMap(chunk => {
      const result = resultOf(kind, chunk)
      return result ? [{ chunk, result }] : []
    })
    const summary = {
      ran: found.length,
      failures: found.flatMap(({ chunk, result }) => (result.result === false ? [chunk] : [])),
      well: found.some(({ result }) => ranWell(result)),
      changed: found.some(({ result }) => hasChanged(result)),
      foreseen: found.some(({ result }) => result.result === null),
    }
    if (kind !== 'prereq' && found.length === chunks.length) settled.set(chunks, summary)
    return summary
  }
  return (requisites: readonly Resolved[]): Verdict => {
    const lost = requisites.filter(({ kind, chunks }) => kind !== 'listen' && chunks.length === 0)
    return lost.length > 0 ? { kind: 'not_found', lost } : judge(byKind(requisites, summaryOf))
  }
}

/** As in Salt one failure among several kinds of requisites is enough, and then each kind must ask for the state. */
function judge(kinds: ReadonlyMap<Resolved['kind'], readonly Summary[]>): Verdict {
  const failed: (readonly number[])[] = []
  const asks: Asks = { prereq: undefined, onfail: undefined, onchanges: undefined }
  let changed = false
  for (const [kind, all] of kinds) {
    const base = kind.replace(/_(?:any|all)$/, '')
    const hasFailed = all.some(({ failures }) => failures.length > 0)
    const hasChanged = all.some(one => one.changed)
    if (base === 'onfail') {
      const wanted = kind === 'onfail_all' ? all.every(({ ran, failures }) => failures.length === ran) : hasFailed
      asks.onfail = (asks.onfail ?? true) && wanted
      continue
    }
    const isEnough = base === 'onchanges' ? hasChanged : all.some(({ well }) => well)
    if (hasFailed && !(kind.endsWith('_any') && isEnough)) failed.push(...all.map(({ failures }) => failures))
    if (base === 'onchanges') asks.onchanges ||= hasChanged
    else if (base === 'prereq') asks.prereq ||= all.some(({ foreseen }) => foreseen)
    else if (base === 'watch') changed ||= hasChanged
  }
  if (failed.length > 0) return { kind: 'failed', by: firstOf(failed) }
  if (asks.prereq === false) return { kind: 'skip', comment: NO_PREREQ }
  if (asks.onfail === false) return { kind: 'skip', comment: NO_ONFAIL }
  if (asks.onchanges === false) return { kind: 'skip', comment: NO_ONCHANGES }
  return { kind: 'run', changed }
}

/** Whether the requisites of a kind ask for the state; undefined: there are none. */
interface Asks {
  prereq: boolean | undefined
  onfail: boolean | undefined
  onchanges: boolean | undefined
}

const ranWell = (result: Done): boolean => result.result !== false && result.__state_ran__ !== false

/** Without kinds of which nothing has run. */
function byKind(requisites: readonly Resolved[], summaryOf: (one: Resolved) => Summary) {
  const kinds = new Map<Resolved['kind'], Summary[]>()
  for (const one of requisites) {
    if (one.kind === 'listen') continue
    const summary = summaryOf(one)
    if (summary.ran === 0) continue
    const all = kinds.get(one.kind)
    if (all) all.push(summary)
    else kinds.set(one.kind, [summary])
  }
  return kinds
}

/** Each once, and as many as are named; one more where there are more. */
function firstOf(lists: readonly (readonly number[])[]): number[] {
  const first = new Set<number>()
  for (const list of lists)
    for (const chunk of list) {
      first.add(chunk)
      if (first.size > MOST_NAMED) return [...first]
    }
  return [...first]
}

/** Salt's words. A thousand states that wait for a thousand that failed would be a return that nobody can read. */
export function failedComment(by: readonly number[], chunks: readonly Chunk[]): string {
  const names = by.slice(0, MOST_NAMED).map(at => `${chunks[at]!.__sls__}.${chunks[at]!.__id__}`)
  return `One or more requisite failed: ${[...new Set(names)].join(', ')}${by.length > MOST_NAMED ? ', …' : ''}`
}

/** Salt's words, with its indents. */
export function notFoundComment(lost: readonly Resolved[]): string {
  const lines = ['The following requisites were not found:']
  for (const kind of new Set(lost.map(one => one.kind))) {
    lines.push(`${' '.repeat(19)}${kind}:`)
    for (const one of lost.filter(other => other.kind === kind))
      for (const [key, value] of Object.entries(one.wanted)) lines.push(`${' '.repeat(23)}${key}: ${value}`)
  }
  return `${lines.join('\n')}\n`
}
