// What the requisites of a state say of it, from the results of the states that they name.
import type { StateReturn } from '../functions/state-context.ts'
import { type Done, hasChanges } from './result.ts'
import type { Resolved } from './types.ts'

export type Verdict =
  /** `changed`: something that it watches has changed. */
  | { kind: 'run'; changed: boolean }
  | { kind: 'not_found'; lost: Resolved[] }
  /** The chunks that failed. */
  | { kind: 'failed'; by: number[] }
  | { kind: 'skip'; comment: string }

const NO_PREREQ = 'No changes detected'
const NO_ONFAIL = 'State was not run because onfail req did not change'
const NO_ONCHANGES = 'State was not run because none of the onchanges reqs changed'

/**
 * The results of a chunk that has not run are undefined, and say nothing. `resultOf` gives for `prereq` what the target would
 * do. As in Salt one failure among several kinds of requisites is enough, and then each kind must ask for the state.
 */
export function judge(
  requisites: readonly Resolved[],
  resultOf: (kind: Resolved['kind'], chunk: number) => Done | undefined,
): Verdict {
  const lost = requisites.filter(({ kind, chunks }) => kind !== 'listen' && chunks.length === 0)
  if (lost.length > 0) return { kind: 'not_found', lost }
  const by = new Set<number>()
  const asks: Asks = { prereq: undefined, onfail: undefined, onchanges: undefined }
  let changed = false
  for (const [kind, chunks] of byKind(requisites)) {
    const found = chunks.flatMap(chunk => {
      const result = resultOf(kind, chunk)
      return result ? [{ chunk, result }] : []
    })
    if (found.length === 0) continue
    const base = kind.replace(/_(?:any|all)$/, '') as keyof Asks
    const results = found.map(({ result }) => result)
    const failures = found.filter(({ result }) => result.result === false)
    if (base === 'onfail') {
      const wanted = kind === 'onfail_all' ? failures.length === found.length : failures.length > 0
      asks.onfail = (asks.onfail ?? true) && wanted
      continue
    }
    const enough = base === 'onchanges' ? changedWell : ranWell
    if (failures.length > 0 && !(kind.endsWith('_any') && results.some(enough)))
      for (const { chunk } of failures) by.add(chunk)
    if (base === 'onchanges') asks.onchanges ||= results.some(changedWell)
    else if (base === 'prereq') asks.prereq ||= results.some(({ result }) => result === null)
    else if ((base as string) === 'watch') changed ||= results.some(changedWell)
  }
  if (by.size > 0) return { kind: 'failed', by: [...by] }
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

const changedWell = (result: StateReturn): boolean => result.result !== false && hasChanges(result)
const ranWell = (result: Done): boolean => result.result !== false && result.__state_ran__ !== false

function byKind(requisites: readonly Resolved[]): Map<Resolved['kind'], number[]> {
  const kinds = new Map<Resolved['kind'], number[]>()
  for (const { kind, chunks } of requisites) {
    if (kind === 'listen') continue
    const all = kinds.get(kind)
    if (all) for (const chunk of chunks) all.push(chunk)
    else kinds.set(kind, [...chunks])
  }
  return kinds
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
