// The grains of this minion as they are now: collected, sent up, and collected again when somebody asks for it.
import type { NatsConnection } from '@nats-io/transport-node'
import { ReactorError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { requestJson } from '../bus/request.ts'
import type { Subjects } from '../protocol/subject.ts'
import { untilAnswered } from './until-answered.ts'

export type Grains = Readonly<Record<string, unknown>>

export interface OwnGrains {
  current(): Grains
  /** Resolves once they are stored; tries again for as long as `going` says. */
  send(going: () => boolean): Promise<void>
  /** Collects them anew and sends them. Throws `unreachable` where nobody stores them in time; they are in force here all the same. */
  refresh(): Promise<void>
}

export interface OwnGrainsParts {
  nc: NatsConnection
  subjects: Subjects
  id: string
  first: Grains
  collect(): Promise<Grains>
  log: Log
  refreshWithinMs?: number
}

const ANSWER_WITHIN_MS = 2000
const REFRESH_WITHIN_MS = 10_000

export function createOwnGrains(parts: OwnGrainsParts): OwnGrains {
  const { nc, subjects, id, log, refreshWithinMs = REFRESH_WITHIN_MS } = parts
  let current = parts.first

  const sendOnce = async () => {
    const answer = await requestJson<{ ok: boolean; reason?: string }>(nc, subjects.ofMinion('grains', id), current, {
      timeoutMs: ANSWER_WITHIN_MS,
      what: 'grains',
    })
    if (!answer.ok) throw new ReactorError('unreachable', `the grains were refused: ${answer.reason}`)
  }
  const send = (going: () => boolean) =>
    untilAnswered({ nc, ask: sendOnce, going, meanwhile: 'grains are not stored yet', log })
  return {
    current: () => current,
    async send(going) {
      await send(going)
    },
    async refresh() {
      current = await parts.collect()
      const until = performance.now() + refreshWithinMs
      const problem = await send(() => performance.now() < until)
      if (problem !== undefined) throw problem
    },
  }
}
