// Who gave no return, and why, in Salt's words where it has them.
import type { CallEnd } from './collect.ts'

export interface Unanswered {
  id: string
  why: 'missing' | 'refused' | 'offline' | 'lost' | 'over' | 'silent'
  text: string
  /** No return is to be expected from it, however long one waits here. */
  never: boolean
}

/** By kind, then by id. Without an answer to the publish nothing is known of anyone. */
export function unanswered({ published, standing }: CallEnd, jid: string, nowMs: number): Unanswered[] {
  if (!published) return []
  const later = `\n${LATER}\n\n${lookupCommand(jid)}`
  const { deadline, runUntil } = standing.times
  const found: Unanswered[] = published.missing.map(unknownMinion)
  for (const id of [...(standing.expected ?? [])].sort()) {
    const refusal = standing.refused.get(id)
    switch (standing.stateOf(id, nowMs)) {
      case 'failed':
        if (refusal !== undefined && !standing.hasEnded(id))
          found.push({ id, why: 'refused', text: `Minion did not take the job: ${refusal}`, never: true })
        break
      case 'offline': {
        const when = clockTime(deadline, nowMs)
        const chance =
          nowMs <= deadline
            ? `It runs the job if it connects before ${when}.${later}`
            : `It did not connect before ${when}.`
        found.push({ id, why: 'offline', text: `Minion did not return. [Not connected]\n${chance}`, never: true })
        break
      }
      case 'timed_out':
        if (!standing.hasEnded(id)) {
          const over = clockTime(nowMs > runUntil ? runUntil : deadline, nowMs)
          const text = `Minion did not return. [No response]\nThe time of the job was over at ${over}.${later}`
          found.push({ id, why: 'over', text, never: true })
        }
        break
      case 'accepted':
      case 'running':
        found.push(
          standing.isLost(id)
            ? { id, why: 'lost', text: `Minion did not return. [Not connected]\n${LOST}${later}`, never: false }
            : { id, why: 'silent', text: `Minion did not return. [No response]${later}`, never: false },
        )
        break
    }
  }
  return found.sort((a, b) => ORDER.indexOf(a.why) - ORDER.indexOf(b.why))
}

export const unknownMinion = (id: string): Unanswered => ({
  id,
  why: 'missing',
  text: 'Minion did not return. [Unknown minion]',
  never: true,
})

const ORDER: readonly Unanswered['why'][] = ['missing', 'refused', 'offline', 'lost', 'over', 'silent']

const LOST = 'It had taken the job, and then its heartbeat was not heard any more: its return may come later, or never.'

/** What Salt says of returns that may come later. */
export const LATER =
  'The minions may not have all finished running and any remaining minions will return upon completion. To look up the return data for this job later, run the following command:'

export const lookupCommand = (jid: string): string => `reactor run jobs.lookup_jid ${jid}`

/** `14:25:10` here, with the date where it is not today. */
export function clockTime(ms: number, nowMs: number): string {
  const two = (n: number) => String(n).padStart(2, '0')
  const at = new Date(ms)
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
  if (at.toDateString() === new Date(nowMs).toDateString()) return time
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${time}`
}
