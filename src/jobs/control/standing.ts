// Where one reaction stands: what the ledger has of it, as the cache tells it, and what waits of it in the streams. The
// cache is a moment behind, and whoever worked on the reaction may have died between two writes: what is newer counts.
import { type Reaction, workKey } from '../../protocol/reaction.ts'
import type { ReactionState, ReactionsRequest, ReactionView } from '../../protocol/reaction-view.ts'
import type { Pending, StoredParked, StoredReaction } from './pending.ts'

export interface Standing {
  key: string
  rule: string
  event: string
  tag: string
  state: ReactionState
  /** The attempt that the state is of; of one that is retried or waits, the one to come. */
  attempt: number
  /** When its event was stored, as far as is known, milliseconds since the epoch. */
  causeMs: number
  at: number
  reason?: string
  next?: number
  /** Without actions where it could not be rendered; undefined: it waits nowhere. */
  reaction?: Reaction | Omit<Reaction, 'actions'>
  /** What is stored of it: goes with whatever is done to it. */
  parked?: StoredParked
  retry?: StoredReaction
  /** What is recorded of it, the latest first. */
  history: ReactionView[]
}

export interface StandingParts {
  pending: Pending
  history: { reactions(request: ReactionsRequest): Promise<{ reactions: ReactionView[] }> }
}

/** Reactions of its rule that are looked at for one that is not executed yet. */
const MOST_LOOKED_AT = 20_000
const HISTORY = 100

/** Undefined: nothing is known of it. */
export async function findStanding({ pending, history }: StandingParts, key: string): Promise<Standing | undefined> {
  const { reactions: recorded } = await history.reactions({ key, limit: HISTORY })
  const last = recorded[0]
  // A rule has no slash, an id may have.
  const slash = key.lastIndexOf('/')
  const { event, rule } = last ?? { event: key.slice(0, slash), rule: key.slice(slash + 1) }
  if (slash < 1 && !last) return undefined
  const [parked, retry] = await Promise.all([pending.parked(event, rule), pending.retry(event, rule)])
  const base = { key, rule, event, history: recorded, ...(parked ? { parked } : {}), ...(retry ? { retry } : {}) }

  if (retry && !isPast(last, attemptOf(retry.reaction))) {
    const { reaction, storedMs, next } = retry
    return { ...base, ...of(reaction), state: 'retrying', at: storedMs, ...(next === undefined ? {} : { next }) }
  }
  if (parked && isWaiting(last, parked)) {
    const { parked: found, storedMs } = parked
    const { state = 'parked', reason, reaction } = found
    // The one before could not be parked under the one that was still there.
    const attempt = Math.max(found.attempt ?? 1, last?.attempt ?? 1)
    return { ...base, ...of(reaction), attempt, state, at: storedMs, reason }
  }
  if (last && last.state !== 'retrying') return { ...base, ...recordedAs(last) }
  // Taken up meanwhile, or never heard of: it is looked for where it would wait.
  const [found] = await pending.waiting(rule, MOST_LOOKED_AT, one => one.key === workKey(event, rule))
  if (found) return { ...base, ...of(found.reaction), state: 'waiting', at: found.storedMs }
  return last && { ...base, ...recordedAs(last), attempt: (last.attempt ?? 1) + 1 }
}

const attemptOf = ({ attempt = 1 }: Pick<Reaction, 'attempt'>): number => attempt

/** Whether that attempt has an end already. */
const isPast = (last: ReactionView | undefined, attempt: number): boolean =>
  last !== undefined && last.state !== 'suppressed' && (last.attempt ?? 1) >= attempt

/** Whether a person is still waited for; else it is a leftover of one who has decided. */
function isWaiting(last: ReactionView | undefined, { parked }: StoredParked): boolean {
  if (!last || last.state === 'suppressed') return true
  if (last.state === 'parked' || last.state === 'held') return true
  return (parked.attempt ?? 1) > (last.attempt ?? 1)
}

const of = (reaction: Reaction | Omit<Reaction, 'actions'>) => ({
  reaction,
  tag: reaction.event.tag,
  attempt: attemptOf(reaction),
  causeMs: reaction.event.storedMs,
})

const recordedAs = ({ tag, state, attempt = 1, at, ms = 0, reason, next }: ReactionView) => ({
  ...{ tag, state, attempt, at, causeMs: at - ms },
  ...(reason === undefined ? {} : { reason }),
  ...(next === undefined ? {} : { next }),
})
