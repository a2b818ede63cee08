// Where one reaction stands: what the ledger has of it, as the cache tells it, and what waits of it in the streams. The
// cache is a moment behind, and whoever worked on the reaction may have died between two writes: what is newer counts.
import { ReactorError } from '../../base/errors.ts'
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
  /** Looks for one among those that are to be executed. `complete`: all of them were looked at. */
  waiting(rule: string, key: string): Promise<{ found?: StoredReaction | undefined; complete: boolean }>
}

const HISTORY = 100

/** Undefined: nothing is known of it. Throws `not_found` where that is not known, as too many wait to look at them all. */
export async function findStanding(
  { pending, history, waiting }: StandingParts,
  key: string,
): Promise<Standing | undefined> {
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
  const { found, complete } = await waiting(rule, workKey(event, rule))
  if (found) return { ...base, ...of(found.reaction), state: 'waiting', at: found.storedMs }
  if (last) return { ...base, ...recordedAs(last), attempt: (last.attempt ?? 1) + 1 }
  if (complete) return undefined
  throw new ReactorError(
    'not_found',
    `reaction '${key.slice(0, 200)}' is not among the first of those that wait to be executed, and the others were not looked at: there are too many; try again when fewer wait`,
  )
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

const recordedAs = ({ rule, event, tag, state, attempt = 1, at, ms = 0, reason, next, seq }: ReactionView) => ({
  ...{ tag, state, attempt, at, causeMs: at - ms },
  // A reactor could not park it, or would not: it is decided anew on its event.
  ...(state === 'parked' && seq !== undefined
    ? { reaction: { rule, bundle: '', event: { id: event, tag, origin: '', seq, storedMs: at - ms, hops: 0 } } }
    : {}),
  ...(reason === undefined ? {} : { reason }),
  ...(next === undefined ? {} : { next }),
})
