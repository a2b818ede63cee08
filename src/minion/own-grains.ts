// The grains of this minion as they are now: collected, sent up, and collected again when somebody asks for it.
import { setTimeout as delay } from 'node:timers/promises'
import type { NatsConnection } from '@nats-io/transport-node'
import { errorMessage, ReactorError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { requestJson } from '../bus/request.ts'
import type { Subjects } from '../protocol/subject.ts'

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

const RETRY_MS = 250
const ANSWER_WITHIN_MS = 2000
const REFRESH_WITHIN_MS = 10_000
/** Tries that fail before it is worth a word: at a start together the cache worker may come a moment later. */
const PATIENCE = 8

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
  /** The reason of the last failure, or undefined once they are stored. */
  const send = async (going: () => boolean): Promise<unknown> => {
    let problem: unknown
    for (let tries = 0; going() && !nc.isClosed(); tries++) {
      try {
        await sendOnce()
        return undefined
      } catch (error) {
        problem = error
        if (tries === PATIENCE) log.info({ reason: errorMessage(error) }, 'grains are not stored yet; trying again')
        await delay(RETRY_MS)
      }
    }
    return problem ?? new ReactorError('unreachable', 'the minion is being stopped')
  }
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
