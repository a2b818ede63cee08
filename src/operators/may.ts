// What grants allow, asked of ids that a target has been resolved to: however a target is written, its ids are what counts.
import { createFnmatch } from '../protocol/fnmatch.ts'
import { grantSubject } from '../protocol/grant-subject.ts'
import { ALL_GRANTS, type Grants } from '../protocol/role.ts'
import { tagToTokens } from '../protocol/tag.ts'
import { resolveTarget, type TargetContext, type TargetMinion } from '../protocol/target.ts'

export interface Fleet {
  /** What is known of a minion; of one that nobody knows undefined. */
  minion(id: string): TargetMinion | undefined
  targets: TargetContext
}

/** Asks whether a job still runs, and shows its arguments: scripts that follow a job of their own need no grant for it. */
export const FOLLOWING = 'saltutil.find_job'

/** Whether a name matches one of the globs; `*` crosses dots. */
export const matchesFunction = (globs: readonly string[], fun: string): boolean =>
  globs.some(glob => glob === '*' || glob === fun || createFnmatch(glob)(fun))

/**
 * Those of the minions on which the function may not be called, in their order. Each needs a grant whose functions and
 * whose target both match; grants add up over the minions. `following`: it asks after a job of one's own, for which any
 * grant on the minion will do. Throws `bad_argument` where a grant's target costs too much.
 */
export function notAllowed(
  grants: Grants,
  fun: string,
  minions: readonly string[],
  fleet: Fleet,
  following = false,
): string[] {
  if (grants === ALL_GRANTS) return []
  return outside(
    grants.local.filter(({ funs }) => following || matchesFunction(funs, fun)),
    minions,
    fleet,
  )
}

/** Whether the function may be called on any minion at all. */
export const mayCallSomewhere = ({ local }: Grants, fun: string, following = false): boolean =>
  following ? local.length > 0 : local.some(({ funs }) => matchesFunction(funs, fun))

/** Whether every id of the fleet may be known: where something may be done on all minions, whoever they are. */
export const seesFleet = ({ local }: Grants): boolean => local.some(({ tgt = '*' }) => tgt === '*')

/** Those of the minions on which something may be done, in their order. */
export function within(grants: Grants, minions: readonly string[], fleet: Fleet): string[] {
  const away = new Set(outside(grants.local, minions, fleet))
  return minions.filter(id => !away.has(id))
}

function outside(local: Grants['local'], minions: readonly string[], { minion, targets }: Fleet): string[] {
  if (local.some(({ tgt }) => tgt === undefined)) return []
  let left = [...minions]
  for (const tgt of new Set(local.map(grant => grant.tgt!))) {
    if (left.length === 0) break
    // An id that nobody knows is on no grant's list of minions.
    const known = left.map(minion).filter(one => one !== undefined)
    const matching = new Set(resolveTarget(tgt, 'compound', known, targets).minions)
    left = left.filter(id => !matching.has(id))
  }
  return left
}

/** Tells whether a tag is one of those that the globs mean; as NATS says it of the subjects of their events. */
export function createTagCheck(globs: readonly string[]): (tag: string) => boolean {
  if (globs.includes('**')) return () => true
  const patterns = globs.flatMap(grantSubject).map(pattern => pattern.split('.'))
  return tag => {
    const tokens = tagToTokens(tag).split('.')
    return patterns.some(pattern => matchesPattern(pattern, tokens))
  }
}

function matchesPattern(pattern: readonly string[], tokens: readonly string[]): boolean {
  for (const [at, want] of pattern.entries()) {
    if (want === '>') return tokens.length > at
    if (at >= tokens.length || (want !== '*' && want !== tokens[at])) return false
  }
  return pattern.length === tokens.length
}
