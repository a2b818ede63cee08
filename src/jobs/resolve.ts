// Which minions a request means, and whether who asks may call its function on every one of them.
import { randomInt } from 'node:crypto'
import { ReactorError } from '../base/errors.ts'
import type { MinionEntry } from '../fleet/registry.ts'
import { mayCallSomewhere, notAllowed, within } from '../operators/may.ts'
import { ALL_GRANTS, type Grants } from '../protocol/role.ts'
import { resolveTarget, type TargetContext } from '../protocol/target.ts'
import { escapeToken } from '../protocol/token.ts'
import type { CheckedRequest } from './request.ts'

export interface ResolvedRequest {
  minions: string[]
  /** Ids of a list target that nobody knows. */
  missing: string[]
}

/**
 * Without `fun`, only those minions are given on which the asker may do anything. `following`: it asks after a job of the
 * asker's own.
 */
type Wanted = Pick<CheckedRequest, 'tgt' | 'tgt_type' | 'subset'> & { fun: string | undefined; following?: boolean }

/** Throws `forbidden` and, on a target that is malformed, `bad_argument`. */
export function createResolve(followed: { values: ReadonlyMap<string, MinionEntry> }, targets: TargetContext) {
  const fleet = { minion: (id: string) => followed.values.get(escapeToken(id)), targets }

  return (
    { tgt, tgt_type, subset, fun, following }: Wanted,
    { user, grants }: { user: string; grants?: () => Grants },
  ): ResolvedRequest => {
    const may = grants?.() ?? ALL_GRANTS
    // Before the target is looked at: who may not call it at all learns nothing of the fleet.
    if (fun !== undefined && !mayCallSomewhere(may, fun, following))
      throw new ReactorError('forbidden', `'${user}' may not call '${fun}' on any minion: no role of theirs grants it`)
    const { minions: all, missing } = resolveTarget(tgt, tgt_type, followed.values.values(), targets)
    // All that match, and not only those that are drawn: whether one may is no matter of luck.
    if (fun !== undefined) requireAll(user, fun, notAllowed(may, fun, all, fleet, following))
    const minions = fun === undefined && may !== ALL_GRANTS ? within(may, all, fleet) : all
    return { minions: subset === undefined ? minions : draw(minions, subset), missing }
  }
}

const MOST_NAMED = 5

function requireAll(user: string, fun: string, refused: readonly string[]): void {
  if (refused.length === 0) return
  const more = refused.length > MOST_NAMED ? ` and ${refused.length - MOST_NAMED} more` : ''
  throw new ReactorError(
    'forbidden',
    `'${user}' may not call '${fun}' on ${refused.slice(0, MOST_NAMED).join(', ')}${more}: no role of theirs grants it`,
  )
}

/** So many of them, drawn by lot, sorted. */
function draw(minions: readonly string[], count: number): string[] {
  const rest = [...minions]
  if (rest.length <= count) return rest
  for (let i = 0; i < count; i++) {
    const j = randomInt(i, rest.length)
    ;[rest[i], rest[j]] = [rest[j]!, rest[i]!]
  }
  return rest.slice(0, count).sort()
}
