// Asking the schedule worker that leads. Between two leaders there are seconds in which none answers: they are waited for.
import { setTimeout as delay } from 'node:timers/promises'
import type { NatsConnection } from '@nats-io/transport-node'
import { ReactorError } from '../base/errors.ts'
import { requestJson } from '../bus/request.ts'
import type { ScheduleOperation, ScheduleRequest } from '../protocol/schedule.ts'
import type { Subjects } from '../protocol/subject.ts'

/** Throws what the operation throws, `unreachable` where no schedule worker leads, `timeout`. */
export type AskSchedule = (operation: ScheduleOperation, ...args: unknown[]) => Promise<unknown>

const ANSWER_MS = 20_000
/** Longer than a lease takes to run out and to be taken. */
const LEADER_MS = 8000
const AGAIN_MS = 250

export function createScheduleClient(nc: NatsConnection, subjects: Subjects, leaderMs = LEADER_MS): AskSchedule {
  return async (operation, ...args) => {
    const body: ScheduleRequest = { operation, args }
    for (const until = Date.now() + leaderMs; ; ) {
      try {
        return await requestJson(nc, subjects.schedule, body, { timeoutMs: ANSWER_MS, what: 'the schedule' })
      } catch (error) {
        if (!(error instanceof ReactorError && error.code === 'unreachable')) throw error
        if (Date.now() >= until)
          throw new ReactorError(
            'unreachable',
            "the master's schedule: no schedule worker runs; start one with 'reactor worker schedule'",
            {},
            error,
          )
        await delay(AGAIN_MS)
      }
    }
  }
}
