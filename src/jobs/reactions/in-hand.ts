// Who has a piece of work in hand: each worker answers for its own, so that another does not take for lost what only takes long.
import type { NatsConnection } from '@nats-io/transport-node'
import { errorMessage, ReactorError } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import type { Running } from '../../base/service.ts'
import { requestFailure } from '../../bus/request.ts'
import { newEventId } from '../../protocol/event.ts'
import type { Subjects } from '../../protocol/subject.ts'

export interface InHand extends Running {
  /** Answers for it from now on, until what it gives back is called. */
  hold(work: string): () => void
  /** Whether another worker has it. Throws `unreachable`. */
  elsewhere(work: string): Promise<boolean>
}

interface Question {
  work: string
  /** Does not answer itself. */
  asker: string
}

const ANSWER_WITHIN_MS = 1000

export async function openInHand(nc: NatsConnection, subjects: Subjects, log: Log): Promise<InHand> {
  const own = newEventId()
  const held = new Set<string>()
  const subscription = nc.subscribe(subjects.inHand, {
    callback: (error, message) => {
      if (error) return log.error({ error: errorMessage(error) }, 'other workers cannot be answered')
      try {
        const { work, asker } = message.json<Question>()
        if (asker !== own && held.has(work)) message.respond()
      } catch (thrown) {
        log.warn({ error: errorMessage(thrown) }, 'a question of another worker is malformed')
      }
    },
  })
  await nc.flush()
  return {
    hold(work) {
      held.add(work)
      return () => void held.delete(work)
    },
    async elsewhere(work) {
      try {
        await nc.request(subjects.inHand, JSON.stringify({ work, asker: own } satisfies Question), {
          timeout: ANSWER_WITHIN_MS,
        })
        return true
      } catch (error) {
        if (requestFailure(error) !== 'other') return false
        throw new ReactorError('unreachable', `other workers cannot be asked: ${errorMessage(error)}`, {}, error)
      }
    },
    async stop() {
      subscription.unsubscribe()
    },
  }
}
