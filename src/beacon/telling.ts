// Which of what a beacon found becomes an event: whether something is another than before, for how long, and what the config asks
// to be told.
import type { Observation, Telling } from '../functions/define-beacon.ts'

/** What is known of one thing that a beacon looks at. */
export interface Memory {
  /** As it was last, for as long as it had to last; undefined: it was never so. */
  readonly state: string | undefined
  /** What it may have become. */
  readonly coming?: { state: string; since: number }
}

/** `change`: it is another than before, or has happened; `again`: it is as it was told before. */
export type Told = 'change' | 'again' | 'no'

/** `memory`: undefined where it is seen for the first time. `now`: milliseconds. */
export function look(
  memory: Memory | undefined,
  { state, tell = true }: Pick<Observation, 'state' | 'tell'>,
  { onchangeonly = false, emitatstartup = true, delay = 0 }: Telling,
  now: number,
): { memory: Memory | undefined; told: Told } {
  if (state === undefined) return { memory: undefined, told: tell ? 'change' : 'no' }
  if (memory?.state === state) return { memory: { state }, told: tell && !onchangeonly ? 'again' : 'no' }
  const begun = memory?.coming?.state === state ? memory.coming.since : now
  // A clock that was set back: it counts from now.
  const since = Math.min(begun, now)
  if (now - since < delay * 1000) return { memory: { state: memory?.state, coming: { state, since } }, told: 'no' }
  const isFirst = memory?.state === undefined
  const isTold = isFirst ? emitatstartup && tell : onchangeonly || tell
  return { memory: { state }, told: isTold ? 'change' : 'no' }
}
