// Where a minion hears of its jobs: `<ns>.job.<id>`. Each is read, checked and given to the engine, and answered at once.
import type { Msg, NatsConnection } from '@nats-io/transport-node'
import { errorMessage } from '../base/errors.ts'
import { createInHand } from '../base/in-hand.ts'
import { parseForeignJson } from '../base/json.ts'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'
import type { JobAnswer } from '../protocol/job.ts'
import type { Subjects } from '../protocol/subject.ts'
import { refusalOf } from './attest.ts'
import { isJobMessage } from './held.ts'
import type { JobEngine } from './jobs.ts'

export interface ListenParts {
  nc: NatsConnection
  subjects: Subjects
  id: string
  isolation: 'accounts' | 'none'
  engine: Pick<JobEngine, 'take'>
  log: Log
}

const NO_JOB =
  'it is no job: expected {jid, fun, arg, kwarg, user, deadline, run_until, tgt, tgt_type, key, hops}, each of its type'

export function listenForJobs({ nc, subjects, id, isolation, engine, log }: ListenParts): Running {
  const answering = createInHand(error =>
    log.warn({ error: errorMessage(error) }, 'the answer to a job could not be sent'),
  )

  const answerTo = async (message: Msg): Promise<JobAnswer> => {
    const forged = refusalOf(message, isolation)
    if (forged) return { accepted: false, reason: forged }
    let job: unknown
    try {
      job = parseForeignJson(message.string())
    } catch (error) {
      return { accepted: false, reason: `it is no JSON: ${errorMessage(error)}` }
    }
    return isJobMessage(job) ? engine.take(job) : { accepted: false, reason: NO_JOB }
  }
  const hear = async (message: Msg) => {
    const answer = await answerTo(message)
    if (!answer.accepted) log.warn({ reason: answer.reason }, 'a job was refused')
    if (!nc.isClosed()) message.respond(JSON.stringify(answer))
  }

  const subscription = nc.subscribe(subjects.job(id), {
    callback: (error, message) => {
      if (error) {
        log.error({ error: errorMessage(error) }, 'the server refuses this minion its jobs')
        return
      }
      answering.add(hear(message))
    },
  })
  return {
    async stop() {
      subscription.unsubscribe()
      await answering.settle()
    },
  }
}
