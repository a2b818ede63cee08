// `max_targets`: how many minions the actions of a reaction mean together, before any of them runs.
import type { Reaction } from '../../protocol/reaction.ts'
import type { ResolveJob } from '../publish.ts'

export interface TargetParts {
  resolveJob: ResolveJob
  /** Minions that are known. */
  knownMinions(): number
}

/** Why the reaction is held; undefined where its targets are within the limit. */
export function tooWide(
  { resolveJob, knownMinions }: TargetParts,
  reaction: Reaction,
  user: string,
): string | undefined {
  const limit = reaction.policy?.max_targets
  if (limit === undefined || reaction.approved) return undefined
  const minions = new Set<string>()
  for (const { kind, tgt, tgt_type, fun, arg, kwarg } of reaction.actions) {
    if (kind !== 'local') continue
    try {
      const request = { tgt: tgt ?? '', ...(tgt_type ? { tgt_type } : {}), fun, arg, kwarg }
      for (const minion of resolveJob(request, { user }).minions) minions.add(minion)
    } catch {
      // A target that means nothing means nobody: the action itself says what is wrong with it.
    }
  }
  const known = knownMinions()
  const most = typeof limit === 'number' ? limit : (Number.parseFloat(limit) / 100) * known
  if (minions.size <= most) return undefined
  const allowed = typeof limit === 'number' ? `${limit}` : `${limit} of ${known} known minions`
  return `its targets mean ${minions.size} ${minions.size === 1 ? 'minion' : 'minions'}, more than max_targets allows (${allowed})`
}
