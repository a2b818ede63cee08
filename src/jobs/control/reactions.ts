// Reactions as people see and handle them: what the cache knows of them, with what waits in the streams and is in no record
// yet; and what is done to them.
import type { NatsConnection } from '@nats-io/transport-node'
import type { Clock } from '../../base/clock.ts'
import { ReactorError } from '../../base/errors.ts'
import { redactSecrets } from '../../base/redact.ts'
import type { Publisher } from '../../bus/publish.ts'
import { requestJson } from '../../bus/request.ts'
import type { ReactionHistory } from '../../cache/client.ts'
import type { ReactionAction } from '../../protocol/job.ts'
import { attemptKey } from '../../protocol/reaction.ts'
import type {
  ReactionDetail,
  ReactionOperation,
  ReactionResult,
  ReactionState,
  ReactionsPage,
  ReactionsRequest,
  ReactionView,
} from '../../protocol/reaction-view.ts'
import type { Subjects } from '../../protocol/subject.ts'
import type { Ledger } from '../ledger.ts'
import { createFindCause } from './cause.ts'
import { inTurn } from './in-turn.ts'
import { type Asker, operate } from './operate.ts'
import { openPending, type StoredParked, type StoredReaction } from './pending.ts'
import { findStanding } from './standing.ts'

export interface ReactionControl {
  /**
   * A page of the cache. On top of the first one comes what is in no record of it: reactions that wait to be executed, where
   * those are asked for or a rule is named, and what was parked and not recorded.
   */
  list(request: ReactionsRequest): Promise<ReactionsPage>
  show(key: string): Promise<ReactionDetail | null>
  act(operation: ReactionOperation, keys: readonly string[], asker: Asker): Promise<ReactionResult[]>
}

export interface ReactionControlParts {
  nc: NatsConnection
  subjects: Subjects
  publisher: Publisher
  ledger: Pick<Ledger, 'append' | 'has' | 'sync'>
  history: Pick<ReactionHistory, 'reactions'>
  clock: Pick<Clock, 'now'>
}

/** Of each kind that waits, on top of a page. */
const MOST_ON_TOP = 1000
const AT_ONCE = 16
const DECIDE_TIMEOUT_MS = 15_000

export async function openReactionControl(parts: ReactionControlParts): Promise<ReactionControl> {
  const { nc, subjects, ledger, history } = parts
  const pending = await openPending(nc, subjects)
  const findCause = createFindCause(nc, subjects)
  const decide = (request: object) =>
    requestJson(nc, subjects.decide, request, { timeoutMs: DECIDE_TIMEOUT_MS, what: 'deciding anew' })
  /** One look at what waits of a rule for all the keys of it that are asked about together. */
  const operatingOn = (keys: readonly string[]) => {
    const looks = new Map<string, ReturnType<typeof pending.find>>()
    const waiting = async (rule: string, key: string) => {
      let look = looks.get(rule)
      if (!look) {
        look = pending.find(rule, new Set([key, ...keys.filter(one => one.endsWith(`/${rule}`))]))
        looks.set(rule, look)
      }
      const { found, complete } = await look
      return { found: found.get(key), complete }
    }
    return { ...parts, pending, decide, waiting }
  }

  /** What waits for a person, or its turn, and is in no record that the cache has or will have. */
  const unrecorded = async (rule: string | undefined, states: readonly ReactionState[], limit: number) => {
    const wants = (state: ReactionState) => states.length === 0 || states.includes(state)
    const isNew = (key: string, attempt = 1) => !ledger.has(attemptKey(key, attempt))
    const reactions =
      states.includes('waiting') || (rule !== undefined && (wants('waiting') || wants('retrying')))
        ? await pending.waiting(rule, limit, ({ key, reaction, next }) =>
            next === undefined ? wants('waiting') && isNew(key, reaction.attempt) : wants('retrying'),
          )
        : []
    const parked = wants('parked') || wants('held') ? await pending.allParked(rule, limit) : []
    const left = parked.filter(({ parked: one }) => wants(one.state ?? 'parked') && isNew(one.key, one.attempt))
    return [...reactions.map(waitingView), ...left.map(parkedView)]
  }
  /** A record may be older than the ledger remembers. Of a retry there is one that says it is due. */
  const isUnknown = async ({ key, attempt = 1, state }: ReactionView) => {
    const [last] = (await history.reactions({ key, limit: 1 })).reactions
    const recorded = !last || last.state === 'suppressed' ? 0 : (last.attempt ?? 1)
    return recorded < (state === 'retrying' && last?.state === 'retrying' ? attempt - 1 : attempt)
  }

  return {
    async list(request) {
      const states = [request.state ?? []].flat()
      const recorded = states.filter(state => state !== 'waiting')
      const isOnlyWaiting = states.length > 0 && recorded.length === 0
      const page: ReactionsPage = isOnlyWaiting
        ? { reactions: [] }
        : await history.reactions({ ...request, ...(states.length > 0 ? { state: recorded } : {}) })
      if (request.before !== undefined || request.key !== undefined) return page
      const rules = [request.rule ?? []].flat()
      const limit = Math.min(request.limit ?? MOST_ON_TOP, MOST_ON_TOP)
      const found: ReactionView[] = []
      for (const rule of rules.length === 0 ? [undefined] : rules)
        found.push(...(await unrecorded(rule, states, limit)))
      const known = new Set(page.reactions.map(({ key }) => key))
      const { since = 0, until = Number.POSITIVE_INFINITY } = request
      const candidates = new Map<string, ReactionView>()
      for (const view of found)
        if (!known.has(view.key) && view.at >= since && view.at <= until) candidates.set(view.key, view)
      const views = [...candidates.values()]
      const missing = await inTurn(views, AT_ONCE, async view =>
        view.state === 'waiting' || (await isUnknown(view)) ? [view] : [],
      )
      const reactions = [...missing.flat(), ...page.reactions].sort((a, b) => b.at - a.at)
      return { ...page, reactions }
    },
    async show(key) {
      const standing = await findStanding(operatingOn([key]), key)
      if (!standing) return null
      const { rule, event, tag, state, attempt, at, reason, next, reaction, causeMs } = standing
      const [last] = standing.history
      const { jids, ms, by, detail } = last && last.state === state ? last : ({} as Partial<ReactionView>)
      const cause = await findCause({ id: event, tag, seq: reaction?.event.seq, aboutMs: causeMs })
      return {
        ...{ key, rule, event, tag, state, at },
        ...(attempt > 1 ? { attempt } : {}),
        ...given({ ms, jids, reason, detail, next, by }),
        ...(reaction ? pendingPart(reaction) : {}),
        history: standing.history,
        ...(cause ? { cause } : {}),
      }
    },
    act(operation, keys, asker) {
      const operating = operatingOn(keys)
      return inTurn([...new Set(keys)], AT_ONCE, key => operate(operating, operation, key, asker))
    },
  }
}

/** Those that have a value. */
const given = <T extends object>(fields: T) =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: NonNullable<T[K]>
  }

function pendingPart(reaction: StoredParked['parked']['reaction']): Partial<ReactionDetail> {
  const { bundle, policy, event } = reaction
  // A rule that holds a secret in plain text is no reason to show it to everybody who looks.
  const actions = 'actions' in reaction ? (redactSecrets(reaction.actions) as ReactionAction[]) : null
  return { ...given({ bundle: bundle || undefined, policy, chain: event.chain }), actions }
}

const waitingView = ({ key, reaction, storedMs, next }: StoredReaction): ReactionView => ({
  ...{ key, rule: reaction.rule, event: reaction.event.id, tag: reaction.event.tag },
  ...{ state: next === undefined ? 'waiting' : 'retrying', at: storedMs },
  ...given({ attempt: reaction.attempt, next }),
})

const parkedView = ({
  parked: { key, state = 'parked', reason, attempt, reaction },
  storedMs,
}: StoredParked): ReactionView => ({
  ...{ key, rule: reaction.rule, event: reaction.event.id, tag: reaction.event.tag, state, at: storedMs, reason },
  ...given({ attempt }),
})

/** Throws `not_found`. */
export function requireReaction(found: ReactionDetail | null, key: string): ReactionDetail {
  if (found) return found
  throw new ReactorError(
    'not_found',
    `there is no reaction '${key.slice(0, 200)}': its event fired no such rule, or it is older than reactions are kept; 'reactor reactions list' shows those that are`,
  )
}
