// What making and taking away a machine are given, beside the machine.
import type { Scrub } from '../alerts/secrets.ts'
import { errorMessage, ReactorError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Config } from '../config/schema.ts'
import type { CloudInstance } from '../functions/define-cloud.ts'
import type { Account } from './accounts.ts'
import type { Hear } from './contact.ts'
import type { Stage } from './stage.ts'

export interface CloudParts {
  /** Fires an event; resolves once it is stored. */
  say(event: [tag: string, data: Record<string, unknown>]): Promise<void>
  hear: Hear
  isolation: Config['isolation']
  timeouts: Readonly<Record<Stage, number>>
  log: Log
}

/** `creating`: before the provider was asked. */
export type FailedStage = Stage | 'creating'

/** Where it ended, and what was left where that could not be taken away; without secrets. */
export function stageFailed(scrub: Scrub, stage: FailedStage, error: unknown, left?: string): ReactorError {
  const code = error instanceof ReactorError ? error.code : 'function_failed'
  const message = scrub(errorMessage(error))
  return new ReactorError(code, message, { stage, ...(left === undefined ? {} : { left: scrub(left) }) })
}

/** In every event of a machine. */
export const named = ({ name, driver }: Account, instance: string) => ({ name: instance, provider: name, driver })

/** A machine of which its provider has told nothing but the id. */
export const unknownInstance = (id: string, name: string): CloudInstance => ({
  ...{ id, name, state: 'unknown', private_ips: [], public_ips: [] },
})
