// Returns on their way: on disk before they are sent, and until the server has acked them; sent again, under the same event
// ids, until then. One that no message can hold goes up as a payload first.
import { setTimeout as delay } from 'node:timers/promises'
import type { DurableMap } from '../base/durable-map.ts'
import { errorMessage, ReactorError } from '../base/errors.ts'
import { createInHand } from '../base/in-hand.ts'
import type { Log } from '../base/log.ts'
import type { Fire } from '../bus/fire.ts'
import type { SendPayload } from '../payload/upload.ts'
import { jobReturn } from '../protocol/catalogue/jobs.ts'
import { formatStamp, newEventId } from '../protocol/event.ts'
import type { JobMessage, JobReturn } from '../protocol/job.ts'
import { causedBy } from '../protocol/trace.ts'
import { forgetAt, type Held, type UnsentReturn } from './held.ts'
import type { Returners } from './returners.ts'
import { asJson, createFit, failed } from './sendable.ts'
import { untilWritten } from './until-written.ts'

export interface Returns {
  /** Resolves once it is on disk, with what can be said of it in JSON; it is sent from then on. */
  record(job: JobMessage, returned: JobReturn): Promise<JobReturn>
  /** Sends one that is on disk from before. */
  resend(jid: string, unsent: UnsentReturn): void
  /** Resolves once all have been acked, or after that many milliseconds. */
  settle(withinMs: number): Promise<void>
}

export interface ReturnsParts {
  file: DurableMap<Held>
  fire: Fire
  sendPayload: SendPayload
  returners: Pick<Returners, 'take'>
  /** Bytes that a message may have. */
  maxPayload(): number
  now(): number
  log: Log
}

const RETRY_MS = 2000

export function createReturns(parts: ReturnsParts): Returns {
  const { file, fire, log } = parts
  const fitted = createFit(parts)
  const sending = createInHand(error => log.error({ error: errorMessage(error) }, 'a return could not be sent'))

  const send = async (jid: string, unsent: UnsentReturn): Promise<void> => {
    const { event, stamp } = unsent
    let data: JobReturn | undefined
    for (;;) {
      try {
        data ??= await fitted(unsent.returned)
        await fire(...jobReturn.of({ jid, id: data.id }, data), { id: event, stamp, ...causedBy(jid, unsent) })
        await untilWritten(() => file.put(jid, unsent.forgetAt), log)
        return
      } catch (error) {
        const code = error instanceof ReactorError ? error.code : 'internal'
        // The publisher has stopped, or the connection is closed: it stays on disk for the next start.
        if (code === 'unreachable') return
        log.warn({ jid, error: errorMessage(error) }, 'the server refuses a return; trying again')
        // No try will make it fit: what is wrong with it is said in its place.
        if (code !== 'store_refused')
          data = failed(data ?? unsent.returned, `the return cannot be sent: ${errorMessage(error)}`)
        await delay(RETRY_MS, undefined, { ref: false })
      }
    }
  }

  return {
    async record(job, given) {
      const returned = asJson(given)
      const stamp = formatStamp(parts.now())
      // First, so that after a crash in between they are given the return that is sent, and not none.
      await parts.returners.take(job, { ...returned, _stamp: stamp })
      if (job.scheduled?.return_job === false) {
        await untilWritten(() => file.put(job.jid, forgetAt(job)), log)
        return returned
      }
      const unsent: UnsentReturn = {
        state: 'returned',
        returned,
        event: newEventId(),
        stamp,
        hops: job.hops + 1,
        ...(job.chain ? { chain: job.chain } : {}),
        forgetAt: forgetAt(job),
      }
      try {
        await file.put(job.jid, unsent)
      } catch (error) {
        log.error({ jid: job.jid, error: errorMessage(error) }, 'a return is sent without being on disk')
      }
      sending.add(send(job.jid, unsent))
      return returned
    },
    resend: (jid, unsent) => sending.add(send(jid, unsent)),
    settle: sending.settle,
  }
}
