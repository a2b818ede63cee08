// A return that is larger than a message goes up in parts, by requests on `<ns>.payload.<id>`; the event of the return then
// says where it lies. A part that went up twice is the same part.
import { setTimeout as delay } from 'node:timers/promises'
import { headers as createHeaders, type NatsConnection } from '@nats-io/transport-node'
import { errorMessage } from '../base/errors.ts'
import { maxPayload } from '../bus/max-payload.ts'
import { requestFailure } from '../bus/request.ts'
import type { PayloadRef } from '../protocol/job.ts'
import { PAYLOAD_HEADER, splitPayload } from '../protocol/payload.ts'
import type { Subjects } from '../protocol/subject.ts'

export type PayloadSent = { ok: true; payload: PayloadRef } | { ok: false; reason: string }

export interface PayloadParts {
  nc: NatsConnection
  subjects: Subjects
  id: string
  /** While the link is down, waiting for it does not count. */
  connected(): boolean
  /** Milliseconds for which nobody may answer before it is given up. */
  patienceMs?: number
}

export type SendPayload = (name: string, text: string) => Promise<PayloadSent>

const PATIENCE_MS = 60_000
const ANSWER_WITHIN_MS = 10_000
const FIRST_WAIT_MS = 100
const LAST_WAIT_MS = 5000

/** What is refused, or what nobody takes, comes back as a reason. Resolves with one too when the connection is closed. */
export function createPayloadSender(parts: PayloadParts): SendPayload {
  const { nc, subjects, id, patienceMs = PATIENCE_MS } = parts
  const subject = subjects.ofMinion('payload', id)

  const sendPart = async (name: string, index: number, body: Uint8Array): Promise<string | undefined> => {
    const headers = createHeaders()
    headers.set(PAYLOAD_HEADER, `${name}/${index}`)
    let left = patienceMs
    for (let wait = FIRST_WAIT_MS; ; wait = Math.min(wait * 2, LAST_WAIT_MS)) {
      const began = performance.now()
      let problem: string
      try {
        const reply = await nc.request(subject, body, { headers, timeout: ANSWER_WITHIN_MS })
        const answer = reply.json<{ ok: boolean; reason?: string }>()
        return answer.ok ? undefined : (answer.reason ?? 'no reason given')
      } catch (error) {
        const failure = requestFailure(error)
        if (failure === 'other' && (nc.isClosed() || nc.isDraining() || parts.connected())) return errorMessage(error)
        problem = failure === 'nobody' ? 'nobody takes payloads: is the cache worker running?' : errorMessage(error)
      }
      await delay(wait, undefined, { ref: false })
      if (parts.connected()) left -= performance.now() - began
      if (left <= 0) return problem
    }
  }

  return async (name, text) => {
    let split: ReturnType<typeof splitPayload>
    try {
      split = splitPayload(name, Buffer.from(text), maxPayload(nc))
    } catch (error) {
      return { ok: false, reason: errorMessage(error) }
    }
    for (const [index, part] of split.parts.entries()) {
      const reason = await sendPart(name, index, part)
      if (reason !== undefined) return { ok: false, reason }
    }
    return { ok: true, payload: split.ref }
  }
}
