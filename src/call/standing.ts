// Where a job stands on its minions, as far as a client has heard: from the answer to its publish, from live events and
// from the job cache, in any order.
import type { Sending } from '../protocol/job.ts'
import type { JobView } from '../protocol/job-view.ts'
import {
  isClosed,
  type JobTimes,
  type KnownOfMinion,
  type MinionState,
  minionState,
  type Outcome,
  outcomeOf,
} from '../protocol/lifecycle.ts'

export interface Standing {
  /** The minions that the job is for, and its times; undefined until one of the three sources has said so. */
  readonly expected: ReadonlySet<string> | undefined
  readonly times: JobTimes
  /** Why a minion refused it. */
  readonly refused: ReadonlyMap<string, string>
  expect(minions: Iterable<string>, times: JobTimes): void
  sent(sent: Sending): void
  started(id: string): void
  /** These are heard of no more: nothing is expected from them until they are found again. */
  lost(ids: readonly string[]): void
  found(ids: readonly string[]): void
  isLost(id: string): boolean
  /** Those that took it, have not ended and are lost. */
  readonly gone: ReadonlySet<string>
  /** False where the outcome was known already, or the minion is none of those that the job is for. */
  ended(id: string, outcome: Outcome): boolean
  hasEnded(id: string): boolean
  view(view: JobView): void
  stateOf(id: string, nowMs: number): MinionState
  counts(nowMs: number): Partial<Record<MinionState, number>>
  /** Whether some that are not lost took it and have not ended, whatever their times. */
  readonly waits: boolean
  /** Those that took it, have not ended and may still, the lost ones among them, sorted. */
  open(nowMs: number): string[]
  /**
   * When the time of one of those is over that is not lost, milliseconds since the epoch. `offline`: also of those that
   * are not reached yet, while they may still start, and of lost ones.
   */
  nextClose(nowMs: number, more?: { offline: boolean }): number | undefined
}

export function createStanding(): Standing {
  const known = new Map<string, KnownOfMinion>()
  /** Took it, without an outcome so far, and are not lost. Kept beside, so that a return costs no look at all the others. */
  const taken = new Set<string>()
  const gone = new Set<string>()
  const lost = new Set<string>()
  const refused = new Map<string, string>()
  let expected: Set<string> | undefined
  let times: JobTimes = { deadline: Number.POSITIVE_INFINITY, runUntil: Number.POSITIVE_INFINITY }
  const stateOf = (id: string, nowMs: number) => minionState(known.get(id) ?? UNKNOWN, times, nowMs)

  const place = (id: string) => {
    const { outcome, started, sent } = known.get(id) ?? UNKNOWN
    taken.delete(id)
    gone.delete(id)
    if (outcome === undefined && (started || sent === 'accepted' || sent === 'running'))
      (lost.has(id) ? gone : taken).add(id)
  }
  const learn = (id: string, more: Partial<KnownOfMinion>) => {
    known.set(id, { ...(known.get(id) ?? UNKNOWN), ...more })
    place(id)
  }

  const standing: Standing = {
    get expected() {
      return expected
    },
    get times() {
      return times
    },
    get waits() {
      return taken.size > 0
    },
    refused,
    expect(minions, newTimes) {
      expected = new Set(minions)
      times = newTimes
    },
    sent({ offline, refused: reasons, waiting }) {
      const [away, later] = [new Set(offline), new Set(waiting)]
      for (const [id, reason] of Object.entries(reasons)) refused.set(id, reason)
      for (const id of expected ?? [])
        learn(id, {
          sent: away.has(id) ? 'offline' : refused.has(id) ? 'refused' : later.has(id) ? 'accepted' : 'running',
        })
    },
    started(id) {
      if (expected?.has(id)) learn(id, { started: true })
    },
    lost(ids) {
      for (const id of ids) {
        lost.add(id)
        place(id)
      }
    },
    found(ids) {
      for (const id of ids) if (lost.delete(id)) place(id)
    },
    isLost: id => lost.has(id),
    gone,
    ended(id, outcome) {
      if (!expected?.has(id) || known.get(id)?.outcome !== undefined) return false
      learn(id, { outcome })
      return true
    },
    view(view) {
      standing.expect(view.minions, { deadline: view.deadline, runUntil: view.run_until })
      for (const [id, reason] of Object.entries(view.reasons)) refused.set(id, reason)
      for (const id of view.minions) learn(id, viewed(view, id, known.get(id) ?? UNKNOWN))
    },
    hasEnded: id => known.get(id)?.outcome !== undefined,
    stateOf,
    counts(nowMs) {
      const counts: Partial<Record<MinionState, number>> = {}
      for (const id of expected ?? []) {
        const state = stateOf(id, nowMs)
        counts[state] = (counts[state] ?? 0) + 1
      }
      return counts
    },
    open: nowMs => [...taken, ...gone].filter(id => !isClosed(stateOf(id, nowMs), true)).sort(),
    nextClose(nowMs, { offline } = { offline: false }) {
      let next: number | undefined
      for (const id of offline ? (expected ?? []) : taken) {
        const state = stateOf(id, nowMs)
        if (isClosed(state, !offline || nowMs > times.deadline)) continue
        const over = state === 'running' ? times.runUntil : times.deadline
        if (next === undefined || over < next) next = over
      }
      return next
    },
  }
  return standing
}

const UNKNOWN: KnownOfMinion = { sent: undefined, started: false, outcome: undefined }

/** What the cache knows laid under what is known here, which may be newer. */
function viewed(view: JobView, id: string, before: KnownOfMinion): KnownOfMinion {
  const returned = view.returns[id]
  const state = view.states[id]
  // One whose time is over took it once: that it ran is the later of the two things that this can mean.
  const took = state === 'accepted' || state === 'running' ? state : state === 'timed_out' ? 'running' : 'offline'
  const sent = view.reasons[id] !== undefined ? 'refused' : took
  return {
    sent: before.sent === undefined || before.sent === 'offline' ? sent : before.sent,
    started: before.started || state === 'running',
    outcome: before.outcome ?? (returned && outcomeOf(returned)),
  }
}
