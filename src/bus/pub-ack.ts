// What a stream answers to a message: its ack, a refusal, or that it is too early for either.
import type { Msg } from '@nats-io/transport-node'
import { ReactorError } from '../base/errors.ts'
import { isWrongSequence } from './overtaken.ts'

export interface PubAck {
  seq: number
  /** The stream had it already, under the same message id. */
  duplicate: boolean
}

// One code stands for every limit of a stream (10077): only the words tell them apart.
const LIMIT = /maximum .* exceeded|insufficient/
const TAKEN = /maximum messages per subject exceeded/

/** Whether a publish was refused because its subject, which takes one message, has one. */
export const isTaken = (error: unknown): boolean => error instanceof ReactorError && error.details.taken === true

/** Whether a publish that expected its subject to be empty found a message there, or one on its way there. */
export const isOvertaken = (error: unknown): boolean =>
  error instanceof ReactorError && error.details.overtaken === true

const SEQ = /"seq":\s*(\d+)/

/** An earlier send under the same id is on its way through the cluster: until its nodes agree, nobody knows what becomes of it. */
const IN_PROCESS = 10158

/** The ack, a refusal, or as a text why it is too early for either. */
export function readAck(reply: Pick<Msg, 'data' | 'headers' | 'string'>): PubAck | ReactorError | string {
  if (reply.data.length === 0 && reply.headers?.code === 503) return 'no stream takes the subject'
  const text = reply.string()
  const seq = SEQ.exec(text)
  if (seq && !text.includes('"error"'))
    return { seq: Number(seq[1]), duplicate: text.includes('"duplicate": true') || text.includes('"duplicate":true') }
  try {
    const { error } = JSON.parse(text) as { error?: { description?: string; err_code?: number; code?: number } }
    const reason = error?.description ?? text
    // 503 inside an ack: JetStream is not there yet, or a limit is reached; 429: it has too much in hand just now.
    if ((error?.code === 503 && !LIMIT.test(reason)) || error?.code === 429) return reason
    if (error?.err_code === IN_PROCESS)
      return 'the nodes of the NATS cluster do not agree on it: is a majority of them up?'
    return new ReactorError('store_refused', `the store refused the message: ${reason}`, {
      taken: TAKEN.test(reason),
      ...(isWrongSequence(error?.err_code) ? { overtaken: true } : {}),
    })
  } catch {
    return new ReactorError('store_refused', `the store answered '${text.slice(0, 80)}', which is no ack`)
  }
}
