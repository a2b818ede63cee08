// Sending a job to its minions: one core request each, and what each of them answers at once. Thousands go out together,
// so they share one inbox and one timer instead of a request with its own promise and timeout each.
import { createInbox, type Msg, type NatsConnection } from '@nats-io/transport-node'
import { errorMessage, ReactorError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'
import { cut } from '../base/text.ts'
import type { JobAnswer, JobMessage } from '../protocol/job.ts'
import type { Subjects } from '../protocol/subject.ts'

/** What became of the sending; minions that are in none of these took the job and run it. */
export interface Sent {
  /** Nobody is there for them. */
  offline: string[]
  /** They are there and did not answer in time. */
  unanswered: string[]
  refused: Record<string, string>
  /** They took it, and it waits there for others to end. */
  waiting: string[]
}

export interface JobSender extends Running {
  send(message: JobMessage, minions: readonly string[]): Promise<Sent>
}

interface Sending {
  minions: readonly string[]
  /** By the place in `minions`; undefined until it has answered. */
  answers: (JobAnswer | 'nobody' | undefined)[]
  open: number
  done(): void
}

const ANSWER_WITHIN_MS = 3000
/** Minions choose the length of their reasons; what tells of them is a message. */
const MAX_REASON = 500
const YES = JSON.stringify({ accepted: true } satisfies JobAnswer)

export function createJobSender(nc: NatsConnection, subjects: Subjects, log: Log): JobSender {
  const inbox = createInbox((nc as unknown as { options: { inboxPrefix?: string } }).options.inboxPrefix)
  const sendings = new Map<string, Sending>()
  let next = 0

  const subscription = nc.subscribe(`${inbox}.*.*`, {
    callback: (error, message) => {
      if (error) return void log.error({ error: errorMessage(error) }, 'the server refuses the answers of minions')
      const [key, index] = message.subject.slice(inbox.length + 1).split('.')
      const sending = sendings.get(key!)
      if (!sending || sending.answers[Number(index)] !== undefined) return
      sending.answers[Number(index)] = readAnswer(message)
      sending.open -= 1
      if (sending.open === 0) sending.done()
    },
  })

  return {
    async send(message, minions) {
      const key = (next++).toString(36)
      const body = Buffer.from(JSON.stringify(message))
      const answers = new Array<JobAnswer | 'nobody' | undefined>(minions.length).fill(undefined)
      let timer: NodeJS.Timeout | undefined
      await new Promise<void>((resolve, reject) => {
        sendings.set(key, { minions, answers, open: minions.length, done: resolve })
        timer = setTimeout(resolve, ANSWER_WITHIN_MS)
        try {
          minions.forEach((minion, index) => {
            nc.publish(subjects.job(minion), body, { reply: `${inbox}.${key}.${index}` })
          })
        } catch (error) {
          reject(new ReactorError('unreachable', `job ${message.jid} cannot be sent: ${errorMessage(error)}`))
        }
      }).finally(() => {
        clearTimeout(timer)
        sendings.delete(key)
      })
      return sum(minions, answers)
    },
    async stop() {
      subscription.unsubscribe()
      for (const { done } of sendings.values()) done()
    },
  }
}

function readAnswer(message: Msg): JobAnswer | 'nobody' {
  if (message.data.length === 0 && message.headers?.code === 503) return 'nobody'
  const text = message.string()
  if (text === YES) return { accepted: true }
  try {
    const { accepted, waiting, reason } = JSON.parse(text) as JobAnswer
    if (typeof accepted === 'boolean')
      return {
        accepted,
        waiting: waiting === true,
        ...(reason === undefined ? {} : { reason: cut(String(reason), MAX_REASON) }),
      }
  } catch {
    // As any other answer that is none.
  }
  return { accepted: false, reason: `its answer is no {accepted, reason}: ${JSON.stringify(text.slice(0, 80))}` }
}

function sum(minions: readonly string[], answers: readonly (JobAnswer | 'nobody' | undefined)[]): Sent {
  const sent: Sent = { offline: [], unanswered: [], refused: {}, waiting: [] }
  const refused: [string, string][] = []
  answers.forEach((answer, index) => {
    const minion = minions[index]!
    if (answer === undefined) sent.unanswered.push(minion)
    else if (answer === 'nobody') sent.offline.push(minion)
    else if (!answer.accepted) refused.push([minion, answer.reason ?? 'no reason given'])
    else if (answer.waiting) sent.waiting.push(minion)
  })
  return { ...sent, refused: Object.fromEntries(refused) }
}
