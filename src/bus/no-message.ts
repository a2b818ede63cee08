// Telling "nothing is stored there" from a failure. The client says it in two ways: by JetStream's code, and, where a
// message is read directly, by a status and its words.
import { JetStreamApiCodes, JetStreamApiError, JetStreamError } from '@nats-io/jetstream'

export function isNoMessage(error: unknown): boolean {
  if (error instanceof JetStreamApiError) return error.code === JetStreamApiCodes.NoMessageFound
  return error instanceof JetStreamError && /message not found/i.test(error.message)
}
