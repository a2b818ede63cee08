// The life of a job on one minion, as a state machine over what is known of it. Facts may come late and in any order:
// what a minion says of its own run wins over what a deadline made of it.

/** Where a job stands on one minion it is meant for. */
export const MINION_STATES = ['offline', 'accepted', 'running', 'returned', 'failed', 'died', 'timed_out'] as const
export type MinionState = (typeof MINION_STATES)[number]

/**
 * One thing that became known. `refused`: the minion would not take it. `start_over`, `run_over`: the time in which it
 * may start, or run, has passed. `returned` to `timed_out`: the minion's own word of how it ended.
 */
export type MinionFact =
  | 'accepted'
  | 'running'
  | 'refused'
  | 'start_over'
  | 'run_over'
  | 'returned'
  | 'failed'
  | 'died'
  | 'timed_out'

/** How a run ended that did not come to its own end; a return names it. */
export const CUT_SHORT = ['died', 'timed_out'] as const
export type CutShort = (typeof CUT_SHORT)[number]
export const isCutShort = (value: unknown): value is CutShort => (CUT_SHORT as readonly unknown[]).includes(value)

/** How a minion said that its run ended. */
export type Outcome = 'returned' | 'failed' | CutShort

/** What a return says of it. */
export const outcomeOf = (returned: { outcome?: CutShort | null; success: boolean | number }): Outcome =>
  returned.outcome ?? (returned.success ? 'returned' : 'failed')

/** Nobody has been reached yet. */
export const FIRST_STATE: MinionState = 'offline'

const OUTCOMES = { returned: 'returned', failed: 'failed', died: 'died', timed_out: 'timed_out' } as const
const TRANSITIONS: Readonly<Record<MinionState, Readonly<Partial<Record<MinionFact, MinionState>>>>> = {
  // An offline minion stays offline when its time has passed: that is why it did not run.
  offline: { accepted: 'accepted', running: 'running', refused: 'failed', ...OUTCOMES },
  accepted: { running: 'running', start_over: 'timed_out', ...OUTCOMES },
  running: { run_over: 'timed_out', ...OUTCOMES },
  timed_out: { running: 'running', ...OUTCOMES },
  returned: {},
  failed: {},
  died: {},
}

/** The state after a fact; a fact that says nothing new leaves it as it is. */
export const nextState = (state: MinionState, fact: MinionFact): MinionState => TRANSITIONS[state][fact] ?? state

/** Facts in the order in which they weigh, whatever the order in which they came. */
const WEIGHT: readonly MinionFact[] = [
  'refused',
  'accepted',
  'start_over',
  'running',
  'run_over',
  'timed_out',
  'died',
  'failed',
  'returned',
]

/** The state that a set of facts amounts to. */
export function stateOf(facts: ReadonlySet<MinionFact>): MinionState {
  let state = FIRST_STATE
  for (const fact of WEIGHT) if (facts.has(fact)) state = nextState(state, fact)
  return state
}

/** Whether nothing more is expected: it has ended, or the time in which it may start has passed without it. */
export const isClosed = (state: MinionState, startOver: boolean): boolean =>
  state === 'offline' ? startOver : state !== 'accepted' && state !== 'running'

/** Times and answers of a job as far as they are known, and what one minion said. */
export interface KnownOfMinion {
  /** The job worker's account of its sending; undefined until it is through with it. */
  sent: 'offline' | 'refused' | 'accepted' | 'running' | undefined
  /** The minion said that it has started. */
  started: boolean
  outcome: Outcome | undefined
}

export interface JobTimes {
  /** Milliseconds since the epoch by which it must have started. */
  deadline: number
  /** Milliseconds since the epoch by which it must have ended. */
  runUntil: number
}

/** Where a job stands on one minion at a time (milliseconds since the epoch). */
export function minionState(known: KnownOfMinion, { deadline, runUntil }: JobTimes, nowMs: number): MinionState {
  const facts = new Set<MinionFact>()
  if (known.sent !== undefined && known.sent !== 'offline') facts.add(known.sent)
  if (known.started) facts.add('running')
  if (known.outcome) facts.add(known.outcome)
  if (nowMs > deadline) facts.add('start_over')
  if (nowMs > runUntil) facts.add('run_over')
  return stateOf(facts)
}
