// Numbers of a job worker, read off what counts reactions.
import type { Reactions } from '../jobs/reactions/start.ts'
import type { Source } from './registry.ts'

export function reactionsSource(reactions: Pick<Reactions, 'stats'>): Source {
  return () => {
    const { decisions, waiting, running, bytes, latency } = reactions.stats()
    return {
      reactor_decisions_total: [...decisions].flatMap(([rule, states]) =>
        [...states].map(([state, value]) => ({ labels: { rule, state }, value })),
      ),
      reactor_reactions_in_hand: waiting.flatMap(({ rule, fast, slow }) => [
        { labels: { rule, class: 'fast' }, value: fast },
        { labels: { rule, class: 'slow' }, value: slow },
      ]),
      reactor_reactions_in_hand_bytes: bytes,
      reactor_reactions_running: running,
      reactor_decision_seconds: latency,
    }
  }
}
