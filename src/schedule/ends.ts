// Which slots of the master's schedule have ended, out of the ledger: whatever was decided of one but that it is tried again.
import type { Running } from '../base/service.ts'
import type { DecisionBatch } from '../protocol/reaction.ts'
import { readSlot } from '../protocol/schedule.ts'

/** Tells of each slot that has ended since then (milliseconds since the epoch), and goes on; resolves at the present end. */
export type FollowEnds = (sinceMs: number, onEnd: (name: string, slot: number) => void) => Promise<Running>

/** Most of the ledger is about rules, and not worth being parsed. */
const MARK = '"rule":"schedule:'

/** Those in one message of the ledger. */
export function endsIn(text: string): { name: string; slot: number }[] {
  if (!text.includes(MARK)) return []
  const { decisions = [] } = JSON.parse(text) as Partial<DecisionBatch>
  return decisions.flatMap(({ rule, event, state }) => {
    const one = state === 'retrying' ? undefined : readSlot(rule, event)
    return one ? [one] : []
  })
}
