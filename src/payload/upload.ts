// A return that is larger than a message goes up in parts, by requests on `<ns>.payload.<id>`; the event of the return then
// says where it lies. A part that went up twice is the same part.
import { setTimeout as delay } from 'node:timers/promises'
import { headers as createHeaders, type NatsConnection } from '@nats-io/transport-node'
import { errorMessage, ReactorError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { createTurns } from '../base/turns.ts'
import { maxPayload } from '../bus/max-payload.ts'
import { requestFailure } from '../bus/request.ts'
import type { PayloadRef } from '../protocol/job.ts'
import { PAYLOAD_HEADER, splitPayload, type UploadAnswer } from '../protocol/payload.ts'
import type { Subjects } from '../protocol/subject.ts'

export type PayloadSent = { ok: true; payload: PayloadRef } | { ok: false; reason: string }

export interface PayloadParts {
  nc: NatsConnection
  subjects: Subjects
  id: string
  /** While the link is down, waiting for it does not count. */
  connected(): boolean
  log: Log
  /** Milliseconds for which nobody may take a part before others have their turn. */
  patienceMs?: number
  /** What nobody takes in that time is given up; otherwise it waits for another turn, however often. */
  givesUp?: boolean
}

/** Throws `unreachable` once the connection is closed. */
export type SendPayload = (name: string, text: string) => Promise<PayloadSent>

interface Refused {
  reason: string
  /** Another try may succeed. */
  again: boolean
}

const PATIENCE_MS = 60_000
const ANSWER_WITHIN_MS = 10_000
const FIRST_WAIT_MS = 100
const LAST_WAIT_MS = 5000

/** One payload goes up at a time. What is refused for good, or is given up, comes back as a reason. */
export function createPayloadSender(parts: PayloadParts): SendPayload {
  const { nc, subjects, id, log, patienceMs = PATIENCE_MS, givesUp = false } = parts
  const subject = subjects.ofMinion('payload', id)
  // Side by side they would be more than the cache worker takes at once, and none of them whole when the store is full.
  const inTurn = createTurns(1)

  const sendPart = async (name: string, index: number, body: Uint8Array): Promise<Refused | undefined> => {
    const headers = createHeaders()
    headers.set(PAYLOAD_HEADER, `${name}/${index}`)
    let left = patienceMs
    for (let wait = FIRST_WAIT_MS; ; wait = Math.min(wait * 2, LAST_WAIT_MS)) {
      const began = performance.now()
      let reason: string
      try {
        const reply = await nc.request(subject, body, { headers, timeout: ANSWER_WITHIN_MS })
        const answer = reply.json<UploadAnswer>()
        if (answer.ok) return undefined
        reason = answer.reason ?? 'no reason given'
        if (!answer.again) return { reason, again: false }
      } catch (error) {
        if (nc.isClosed() || nc.isDraining())
          throw new ReactorError('unreachable', `payload '${name}' is not sent: ${errorMessage(error)}`, {}, error)
        const nobody = requestFailure(error) === 'nobody'
        reason = nobody ? 'nobody takes payloads: is the cache worker running?' : errorMessage(error)
      }
      await delay(wait, undefined, { ref: false })
      if (parts.connected()) left -= performance.now() - began
      if (left <= 0) return { reason, again: true }
    }
  }

  const sendParts = async (name: string, text: string): Promise<PayloadRef | Refused> => {
    let split: ReturnType<typeof splitPayload>
    try {
      split = splitPayload(name, Buffer.from(text), maxPayload(nc))
    } catch (error) {
      return { reason: errorMessage(error), again: false }
    }
    for (const [index, part] of split.parts.entries()) {
      const refused = await sendPart(name, index, part)
      if (refused) return refused
    }
    return split.ref
  }

  return async (name, text) => {
    for (;;) {
      const sent = await inTurn(() => sendParts(name, text))
      if (!('reason' in sent)) return { ok: true, payload: sent }
      const { reason, again } = sent
      if (givesUp || !again) return { ok: false, reason }
      log.warn({ name, reason }, 'a large return does not get to the store; trying again')
    }
  }
}
