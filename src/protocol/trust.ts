// Which parts of an event are somebody's claim: what a minion, a webhook or a service that repeats them chose. Operators are
// trusted, since their right to fire is a role's; so is what the server attests.
import { isObject } from '../base/json.ts'
import { isMinionId } from './key.ts'
import type { Origin } from './origin.ts'

/**
 * What a value can be made of, as bits that add up. `gathered` is what was not said by the event itself: a job's record,
 * events of a window, a failure, facts that are looked up. Never trusted, since anybody may have had a part in it.
 */
export const SOURCE = { data: 1, id: 2, tag: 4, grains: 8, origin: 16, gathered: 32 } as const
export type Sources = number
export const ALL_SOURCES: Sources = 63

/** Tags under which the master names minions by ids that it has checked. */
const OF_MASTER = /^salt\/(?:auth|key|minion|presence)(?:\/|$)/

const isPlainId = (id: unknown): boolean => typeof id === 'string' && isMinionId(id)

/**
 * The parts of an event that are not to be trusted. A minion's `data.id` is overwritten from its origin, so it is as
 * good as the origin, where that is a name that no target or file takes for anything else.
 */
export function untrustedSources(origin: Origin, tag: string, data: Readonly<Record<string, unknown>>): Sources {
  if (origin.kind === 'user') return 0
  if (origin.kind === 'minion') {
    const named = isPlainId(origin.id) ? 0 : SOURCE.id | SOURCE.origin
    return SOURCE.data | SOURCE.tag | SOURCE.grains | named
  }
  const checked = origin.id === '_master' && OF_MASTER.test(tag) && isPlainId(data.id)
  const own = origin.id !== '_gateway' && tag.startsWith('salt/')
  return SOURCE.data | SOURCE.grains | (checked ? 0 : SOURCE.id) | (own ? 0 : SOURCE.tag)
}

/** Where an untrusted value stands in a call: `['tgt']`, `['arg', 0, 'name']`, `['kwarg', 'cmd', 2]`; all below it counts. */
export type ValuePath = readonly (string | number)[]

export const isValuePaths = (value: unknown): value is ValuePath[] =>
  Array.isArray(value) &&
  value.every(
    path =>
      Array.isArray(path) &&
      path.length > 0 &&
      path.every(step => typeof step === 'string' || (Number.isSafeInteger(step) && step >= 0)),
  )

/** Paths to arguments alone, for those who have resolved the target. */
export const argumentPaths = (paths: readonly ValuePath[] | undefined): ValuePath[] =>
  (paths ?? []).filter(([part]) => part !== 'tgt')

/** Every argument, for a call made by something that was itself given untrusted values. */
export const everyArgument = (
  arg: readonly unknown[] = [],
  kwarg: Readonly<Record<string, unknown>> = {},
): ValuePath[] => [...arg.map((_, index) => ['arg', index]), ...Object.keys(kwarg).map(name => ['kwarg', name])]

/**
 * Why a target that untrusted values fill is refused: they may be ids as they are, alone or in a list, and nothing that
 * a target reads as more. `paths` begin at the target; undefined: nothing is wrong.
 */
export function untrustedTargetProblem(tgt: unknown, type: string, paths: readonly ValuePath[]): string | undefined {
  if (paths.length === 0) return undefined
  if (type !== 'glob' && type !== 'list')
    return `it fills a target of type ${type}; only glob and list take such a value, as an id`
  const filled = paths.some(path => path.length === 0) ? [tgt].flat() : paths.map(path => at(tgt, path))
  const bad = filled.filter(value => typeof value !== 'string' || !isMinionId(value))
  return bad.length === 0 && filled.length > 0
    ? undefined
    : `${JSON.stringify(bad[0] ?? tgt).slice(0, 80)} is no minion's id, and such a value may be nothing else in a target`
}

function at(value: unknown, path: ValuePath): unknown {
  return path.reduce<unknown>((inner, step) => {
    if (Array.isArray(inner)) return inner[Number(step)]
    return isObject(inner) && Object.hasOwn(inner, step) ? inner[step] : undefined
  }, value)
}
