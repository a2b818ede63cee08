// Work of many askers, each with a bound of its own: so much at once, so much that waits, and what comes beyond is refused.
import { ReactorError } from './errors.ts'
import { createTurns, type Turns } from './turns.ts'

export interface QueueBounds {
  atOnce: number
  mostWaiting: number
  /** Of what, in the error: `requests for files of this minion`. */
  what: string
}

export interface Queues {
  /** Throws `forbidden` where the asker has too much in hand. */
  add<T>(asker: string, work: () => Promise<T>): Promise<T>
}

export function createQueues({ atOnce, mostWaiting, what }: QueueBounds): Queues {
  const queues = new Map<string, { turns: Turns; length: number }>()
  return {
    async add(asker, work) {
      const queue = queues.get(asker) ?? { turns: createTurns(atOnce), length: 0 }
      if (queue.length >= atOnce + mostWaiting)
        throw new ReactorError('forbidden', `${queue.length} ${what} are worked on or wait: ask for less at once`)
      queues.set(asker, queue)
      queue.length++
      try {
        return await queue.turns(work)
      } finally {
        if (--queue.length === 0) queues.delete(asker)
      }
    },
  }
}
