// Telling of the return of a runner or wheel function: `salt/run/<jid>/ret`, stored, with what only its caller is given left out.
import { systemClock } from '../base/clock.ts'
import { errorMessage, ReactorError } from '../base/errors.ts'
import { isObject } from '../base/json.ts'
import type { Log } from '../base/log.ts'
import { REDACTED } from '../base/redact.ts'
import type { Fire } from '../bus/fire.ts'
import type { Outcome } from '../functions/call.ts'
import type { FunctionDefinition } from '../functions/define.ts'
import type { runReturn, wheelReturn } from '../protocol/catalogue/functions.ts'
import { newEventId } from '../protocol/event.ts'
import type { PayloadRef } from '../protocol/job.ts'
import type { Trace } from '../protocol/trace.ts'
import { isAway } from './publish.ts'
import { insist } from './reactions/insist.ts'

export interface TellReturnParts {
  event: typeof runReturn | typeof wheelReturn
  fire: Fire
  /**
   * Stores the JSON text of a return that is larger than a message. Throws `unreachable` where it may be taken later; all else
   * is final.
   */
  storeReturn(jid: string, json: string): Promise<PayloadRef>
  log: Log
  stopping: AbortSignal
}

/** The job as its events show it, with Salt's fields. */
export interface SeenJob {
  fun: string
  jid: string
  user: string
  fun_args: unknown[]
}

/** Resolves once the return is stored, or cannot be: the function has run all the same. */
export type TellReturn = (ended: {
  fn: Pick<FunctionDefinition, 'secrets'>
  seen: SeenJob
  trace: Trace
  outcome: Outcome
  /** Work is done when its return is stored: until there is room it is in hand. */
  isWork: boolean
}) => Promise<void>

export function createTellReturn({ event, fire, storeReturn, log, stopping }: TellReturnParts): TellReturn {
  return async ({ fn, seen, trace, outcome, isWork }) => {
    const { jid, fun } = seen
    const returned = 'value' in outcome ? hideSecrets(outcome.value, fn.secrets) : outcome.message
    // Told again after an ack that was lost it is stored once.
    const id = newEventId()
    const tell = (value: unknown, payload?: PayloadRef) => {
      const data = {
        ...{ ...seen, return: value, success: outcome.ok },
        ...(isUnknown(outcome) ? { outcome_unknown: true as const } : {}),
        ...(payload ? { payload } : {}),
      }
      return fire(...event.of({ jid }, data), { ...trace, id })
    }
    const tellWhy = (problem: unknown) => tell(`the return cannot be stored: ${errorMessage(problem)}`)
    /** Why it is not stored apart, of the last try. */
    let unstored: unknown
    const whole = async () => {
      unstored = undefined
      try {
        return await tell(returned)
      } catch (error) {
        if (isAway(error)) throw error
        if (!isTooLarge(error)) return tellWhy(error)
      }
      let stored: PayloadRef
      try {
        stored = await storeReturn(jid, JSON.stringify(returned))
      } catch (error) {
        unstored = error
        // A store of returns that is full by what it refuses stays so, unlike that of events.
        if (isUnreachable(error)) throw error
        return tellWhy(error)
      }
      return tell(null, stored)
    }
    const told = isWork ? insist({ clock: systemClock, log, stopping }, 'the return of a function', whole) : whole()
    try {
      // Nobody tries again: neither where it is no work, nor once the process stops.
      await told.catch(error => (error === unstored ? tellWhy(error) : Promise.reject(error)))
    } catch (error) {
      // The function has run: that nobody can be told must not read as its failure, nor have it run again.
      log.error({ jid, fun, error: errorMessage(error) }, 'a return could not be stored')
    }
  }
}

/** It does not know itself whether it was done: who reads its return must not take it for a failure. */
const isUnknown = (outcome: Outcome): boolean => !outcome.ok && outcome.code === 'outcome_unknown'

/** A return as others may see it: without what only the caller is given. */
export function hideSecrets(value: unknown, secrets: readonly string[]): unknown {
  if (secrets.length === 0 || !isObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, secrets.includes(key) ? REDACTED : inner]),
  )
}

const isTooLarge = (error: unknown): boolean => error instanceof ReactorError && error.code === 'bad_event'
const isUnreachable = (error: unknown): boolean => error instanceof ReactorError && error.code === 'unreachable'
