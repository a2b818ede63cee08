// How a job worker asks the master for the pillar of a minion: for people to look at, without secrets.
import type { NatsConnection } from '@nats-io/transport-node'
import { requestJson } from '../bus/request.ts'
import type { MinionPillars } from '../functions/runner-context.ts'
import type { Subjects } from '../protocol/subject.ts'
import { decodeAnswer, type JobsPillarRequest, type PillarAnswer, type TopAnswer } from './protocol.ts'

const ANSWER_WITHIN_MS = 30_000

/** `grains` of a minion that has sent none, such as the job worker itself. */
export function createPillarClient(nc: NatsConnection, subjects: Subjects): MinionPillars {
  const ask = async <T>(request: JobsPillarRequest): Promise<T> => {
    const options = { timeoutMs: ANSWER_WITHIN_MS, what: 'pillar' }
    return decodeAnswer<T>(await requestJson(nc, subjects.pillars, request, options))
  }
  return {
    async show(minion, request = {}) {
      const { value, errors } = await ask<PillarAnswer>({ ...request, minion, show: 'pillar' })
      return { value, errors }
    },
    top: (minion, request = {}) => ask<TopAnswer>({ ...request, minion, show: 'top' }),
  }
}
