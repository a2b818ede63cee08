// What the facts about a job amount to at a time: the state of each of its minions. Pure; nothing of it is stored.
import type { JobKind, Sending } from '../protocol/job.ts'
import type { JobSummary } from '../protocol/job-view.ts'
import { isClosed, type KnownOfMinion, type MinionState, minionState, type Outcome } from '../protocol/lifecycle.ts'

/** A job as it was announced; of one that was not, or not yet, what its first return says. */
export interface KnownJob extends Omit<JobSummary, 'counts' | 'active'> {
  announced: boolean
  sent: Sending | undefined
}

/** Of each minion that returned; those that said that they started. */
export interface KnownMinions {
  outcomes: ReadonlyMap<string, Outcome>
  started: ReadonlySet<string>
}

/** The states of its minions, and of others that answered all the same. */
export function statesOf(job: KnownJob, minions: KnownMinions, nowMs: number): Map<string, MinionState> {
  const times = { deadline: job.deadline, runUntil: job.run_until }
  const sentTo = createSentTo(job.kind, job.sent)
  const states = new Map<string, MinionState>()
  for (const id of new Set([...job.minions, ...minions.outcomes.keys(), ...minions.started])) {
    const known = { sent: sentTo(id), started: minions.started.has(id), outcome: minions.outcomes.get(id) }
    states.set(id, minionState(known, times, nowMs))
  }
  return states
}

export function summarize(job: KnownJob, states: ReadonlyMap<string, MinionState>, nowMs: number): JobSummary {
  const counts: Partial<Record<MinionState, number>> = {}
  for (const state of states.values()) counts[state] = (counts[state] ?? 0) + 1
  const { announced, sent: _sent, ...summary } = job
  const startOver = nowMs > job.deadline
  const active = announced && job.minions.some(id => !isClosed(states.get(id)!, startOver))
  return { ...summary, counts, active }
}

/** The last moment at which a minion may still answer, as far as is known; 0: none may. */
export function openUntil(job: KnownJob, minions: KnownMinions): number {
  if (!job.announced) return 0
  // While no time is over: who is not closed then waits for its deadline, or runs until its end.
  const states = statesOf(job, minions, Number.NEGATIVE_INFINITY)
  let until = 0
  for (const id of job.minions) {
    const state = states.get(id)
    if (state === 'running') return Math.max(job.run_until, job.deadline)
    if (state === 'offline' || state === 'accepted') until = job.deadline
  }
  return until
}

/** What the sending of the job says of a minion. Runner and wheel functions run from their announcement on. */
function createSentTo(kind: JobKind, sent: Sending | undefined): (id: string) => KnownOfMinion['sent'] {
  if (kind !== 'local') return () => 'running'
  if (!sent) return () => undefined
  const offline = new Set(sent.offline)
  const waiting = new Set(sent.waiting)
  return id => {
    if (Object.hasOwn(sent.refused, id)) return 'refused'
    if (offline.has(id)) return 'offline'
    return waiting.has(id) ? 'accepted' : 'running'
  }
}

const RANK = { offline: 0, refused: 1, accepted: 2, running: 3 } as const

/**
 * Two accounts of sending the same job, where a worker took it over from another: whoever was reached by one was reached.
 * In whichever order they are merged, the result is the same.
 */
export function mergeSent(one: Sending, two: Sending): Sending {
  const [ofOne, ofTwo] = [createSentTo('local', one), createSentTo('local', two)]
  const named = [one, two].flatMap(sent => [...sent.offline, ...sent.waiting, ...Object.keys(sent.refused)])
  const best = [...new Set(named)].sort().map(id => {
    const [a, b] = [ofOne(id)!, ofTwo(id)!]
    return { id, state: RANK[a] >= RANK[b] ? a : b }
  })
  const idsOf = (state: string) => best.filter(minion => minion.state === state).map(({ id }) => id)
  const reason = (id: string) => [one, two].flatMap(({ refused }) => (Object.hasOwn(refused, id) ? [refused[id]!] : []))
  return {
    offline: idsOf('offline'),
    waiting: idsOf('accepted'),
    refused: Object.fromEntries(idsOf('refused').map(id => [id, reason(id).sort()[0]!])),
  }
}
