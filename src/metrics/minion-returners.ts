// Numbers of a minion's returners: what waits for each, and what never got there.
import type { RefusedReturns } from '../minion/refused-returns.ts'
import type { Returners } from '../minion/returners.ts'
import type { Sample, Source } from './registry.ts'

export interface MinionReturnersNumbers {
  returners: Pick<Returners, 'waiting'>
  refused: Pick<RefusedReturns, 'all'>
}

/** There is a sample for each returner that something waits for. */
export function minionReturnersSource({ returners, refused }: MinionReturnersNumbers): Source {
  return async () => {
    const waiting = returners.waiting()
    const each = (key: 'returns' | 'bytes'): Sample[] =>
      waiting.map(({ returner, [key]: value }) => ({ labels: { returner }, value }))
    return {
      reactor_minion_returner_waiting_returns: each('returns'),
      reactor_minion_returner_waiting_bytes: each('bytes'),
      reactor_minion_returns_parked: (await refused.all()).size,
    }
  }
}
