// The minion's side: a value larger than a message goes up in parts, and its return says where they are.
import { headers as createHeaders, type NatsConnection } from '@nats-io/transport-node'
import { errorMessage, ReactorError } from '../base/errors.ts'
import { isObject } from '../base/json.ts'
import { parseJson, requestFailure } from '../bus/request.ts'
import type { PayloadRef } from '../protocol/job.ts'
import { PAYLOAD_HEADER, splitPayload } from '../protocol/payload.ts'
import type { Subjects } from '../protocol/subject.ts'

const TIMEOUT_MS = 30_000

/**
 * Uploads the text of a JSON value under a name of the minion's own, such as a jid; it may be repeated. Throws
 * `unreachable` or `timeout` where that is worth trying again, and `store_refused` or `bad_argument` where it is not.
 */
export async function uploadPayload(
  { nc, subjects }: { nc: NatsConnection; subjects: Subjects },
  minion: string,
  name: string,
  json: string,
): Promise<PayloadRef> {
  const { ref, parts } = splitPayload(name, Buffer.from(json), nc.info?.max_payload ?? 1_048_576)
  for (const [part, bytes] of parts.entries()) {
    const headers = createHeaders()
    headers.set(PAYLOAD_HEADER, `${name}/${part}`)
    const answer = parseJson(await send(nc, subjects.ofMinion('payload', minion), bytes, headers))
    if (isObject(answer) && answer.ok === true) continue
    const reason = isObject(answer) ? String(answer.reason) : 'the answer is no map'
    throw new ReactorError('store_refused', `part ${part} of ${ref.parts} of a large return was refused: ${reason}`)
  }
  return ref
}

async function send(
  nc: NatsConnection,
  subject: string,
  bytes: Uint8Array,
  headers: ReturnType<typeof createHeaders>,
): Promise<string> {
  try {
    return (await nc.request(subject, bytes, { timeout: TIMEOUT_MS, headers })).string()
  } catch (error) {
    const failure = requestFailure(error)
    throw new ReactorError(
      failure === 'late' ? 'timeout' : 'unreachable',
      failure === 'nobody' ? 'no cache worker takes large returns' : `a large return cannot be sent: ${errorMessage(error)}`,
      {},
      error,
    )
  }
}
