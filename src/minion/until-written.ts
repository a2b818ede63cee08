// What must get to the disk though it is full just now: tried until there is room, or the process stops.
import { setTimeout as delay } from 'node:timers/promises'
import { errorMessage, ReactorError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'

const RETRY_MS = 2000

/** Resolves once `write` has; never throws. */
export async function untilWritten(write: () => Promise<void>, log: Log): Promise<void> {
  for (;;) {
    try {
      await write()
      return
    } catch (error) {
      if (error instanceof ReactorError && error.code === 'stopped') return
      log.error({ error: errorMessage(error) }, 'the disk does not take what must be on it; trying again')
      await delay(RETRY_MS, undefined, { ref: false })
    }
  }
}
