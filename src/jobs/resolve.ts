// Which minions a request means, and whether who asks may call its function on every one of them, and what it runs besides.
// To an operator of some minions a refusal names only those that the request names: a target would be a question about all
// others, by their ids and grains.
import { randomInt } from 'node:crypto'
import { ReactorError } from '../base/errors.ts'
import { cut } from '../base/text.ts'
import type { MinionEntry } from '../fleet/registry.ts'
import { mayCallSomewhere, notAllowed, seesFleet, within } from '../operators/may.ts'
import { returnerRights } from '../protocol/returning.ts'
import { ALL_GRANTS, type Grants } from '../protocol/role.ts'
import { type Resolved, resolveTarget, type TargetContext } from '../protocol/target.ts'
import { escapeToken } from '../protocol/token.ts'
import { innerCalls } from './inner.ts'
import type { CheckedRequest } from './request.ts'

export interface ResolvedRequest {
  minions: string[]
  /** Ids of a list target that nobody knows; of operators with some minions, those that would be theirs. */
  missing: string[]
}

type Target = Pick<CheckedRequest, 'tgt' | 'tgt_type'>

/**
 * Without `fun`, only those minions are given on which the asker may do anything. `following`: it asks after a job of the
 * asker's own.
 */
type Wanted = Target &
  Pick<CheckedRequest, 'subset' | 'arg' | 'kwarg' | 'ret' | 'ret_kwargs'> & {
    fun: string | undefined
    following?: boolean
  }

/** Calls within calls within calls are no command that anybody needs. */
const MAX_DEPTH = 4

/** Throws `forbidden` and, on a target that is malformed, `bad_argument`. */
export function createResolve(followed: { values: ReadonlyMap<string, MinionEntry> }, targets: TargetContext) {
  const resolved = ({ tgt, tgt_type }: Target) => resolveTarget(tgt, tgt_type, followed.values.values(), targets)
  const fleet = {
    // Of a minion that nobody knows, the id alone: whether it is there makes no difference to a refusal.
    minion: (id: string) => followed.values.get(escapeToken(id)) ?? { id, grains: {} },
    targets,
  }

  return (
    { tgt, tgt_type, subset, fun, arg, kwarg, ret, ret_kwargs, following = false }: Wanted,
    { user, grants }: { user: string; grants?: () => Grants },
  ): ResolvedRequest => {
    const may = grants?.() ?? ALL_GRANTS
    const requireSomewhere = (name: string, own: boolean) => {
      if (!mayCallSomewhere(may, name, own))
        throw forbidden(`'${user}' may not call '${cut(name, MOST_SHOWN)}' on any minion: no role of theirs grants it`)
    }
    const requireAll = (name: string, target: Target, { minions }: Resolved, own: boolean) => {
      const named = namedIds(target) ?? (seesFleet(may) ? minions : undefined)
      const refused = notAllowed(may, name, named ?? minions, fleet, own)
      if (refused.length === 0 && (named || minions.length > 0)) return
      throw forbidden(
        named
          ? `'${user}' may not call '${cut(name, MOST_SHOWN)}' on ${some(refused)}: no role of theirs grants it`
          : `'${user}' may not call '${cut(name, MOST_SHOWN)}' on every minion that this target means, or it means none: no role of theirs grants it; name minions by their ids to be told which`,
      )
    }
    const requireInner = (call: Pick<Wanted, 'arg' | 'kwarg'> & { fun: string }, at: Target & Resolved, depth = 1) => {
      for (const { on, rights: others = [], ...inner } of innerCalls(call.fun, call.arg, call.kwarg)) {
        if (depth > MAX_DEPTH)
          throw new ReactorError('bad_argument', `publish: '${fun}' holds calls within calls, at most ${MAX_DEPTH}`)
        const rights = [inner.fun, ...others]
        for (const right of rights) requireSomewhere(right, false)
        const where = on ? { ...on, ...resolved(on) } : at
        for (const right of rights) requireAll(right, where, where, false)
        requireInner(inner, where, depth + 1)
      }
    }

    // Before the target is looked at: who may not call it at all learns nothing of the fleet.
    if (fun !== undefined) requireSomewhere(fun, following)
    const returners = returnerRights({ ret, ret_kwargs })
    for (const right of returners) requireSomewhere(right, false)
    const all = resolved({ tgt, tgt_type })
    if (may === ALL_GRANTS) return { minions: draw(all.minions, subset), missing: all.missing }
    // All that match, and not only those that are drawn: whether one may is no matter of luck.
    if (fun !== undefined) {
      requireAll(fun, { tgt, tgt_type }, all, following)
      for (const right of returners) requireAll(right, { tgt, tgt_type }, all, false)
      requireInner({ fun, arg, kwarg }, { tgt, tgt_type, ...all })
    }
    const minions = fun === undefined ? within(may, all.minions, fleet) : all.minions
    return { minions: draw(minions, subset), missing: within(may, all.missing, fleet) }
  }
}

/** The ids that a target names as they are; undefined: it means whoever matches. */
export function namedIds({ tgt, tgt_type }: Target): string[] | undefined {
  if (tgt_type === 'glob' && typeof tgt === 'string' && !/[*?[]/.test(tgt)) return [tgt]
  if (tgt_type !== 'list') return undefined
  const ids = typeof tgt === 'string' ? tgt.split(',') : tgt
  return [...new Set(ids.map(id => id.trim()).filter(Boolean))].sort()
}

const MOST_NAMED = 5
/** Others choose the length of what is repeated. */
const MOST_SHOWN = 256

const some = (ids: readonly string[]): string =>
  ids
    .slice(0, MOST_NAMED)
    .map(id => cut(id, MOST_SHOWN))
    .join(', ') + (ids.length > MOST_NAMED ? ` and ${ids.length - MOST_NAMED} more` : '')

const forbidden = (reason: string): ReactorError => new ReactorError('forbidden', reason)

/** So many of them, drawn by lot, sorted. */
function draw(minions: readonly string[], count: number | undefined): string[] {
  const rest = [...minions]
  if (count === undefined || rest.length <= count) return rest
  for (let i = 0; i < count; i++) {
    const j = randomInt(i, rest.length)
    ;[rest[i], rest[j]] = [rest[j]!, rest[i]!]
  }
  return rest.slice(0, count).sort()
}
