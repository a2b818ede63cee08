// Asks the master again and again until somebody answers: at a start together its workers may come a moment later.
import { setTimeout as delay } from 'node:timers/promises'
import type { NatsConnection } from '@nats-io/transport-node'
import { errorMessage, ReactorError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'

export interface Asking {
  nc: Pick<NatsConnection, 'isClosed'>
  /** Throws where it is not answered. */
  ask(): Promise<void>
  /** Looked at before every try. */
  going(): boolean
  /** What is so meanwhile, for the log. */
  meanwhile: string
  log: Log
}

const FIRST_WAIT_MS = 100
const LAST_WAIT_MS = 2000
const GROWTH = 1.5
/** Tries that fail before it is worth a word. */
const PATIENCE = 8

/** Undefined once it is answered; else, when the connection is closed or `going` says no, why the last try failed. */
export async function untilAnswered({ nc, ask, going, meanwhile, log }: Asking): Promise<unknown> {
  let problem: unknown
  let wait = FIRST_WAIT_MS
  for (let failures = 0; going() && !nc.isClosed(); ) {
    try {
      await ask()
      return undefined
    } catch (error) {
      problem = error
      log[++failures === PATIENCE ? 'info' : 'debug']({ reason: errorMessage(error) }, `${meanwhile}; trying again`)
      await delay(wait, undefined, { ref: false })
      wait = Math.min(wait * GROWTH, LAST_WAIT_MS)
    }
  }
  return problem ?? new ReactorError('unreachable', 'the minion is being stopped')
}
