// The first message of a stream from a place on, by the word of its leader: any other node may not have it yet.
import type { JetStreamManager, MsgRequest, StoredMsg } from '@nats-io/jetstream'
import { isNoMessage } from './no-message.ts'

/** From a sequence on, or from a time in ISO 8601. */
export type NextFrom = { seq: number } | { start_time: string }

/** Undefined: there is none on a subject that matches. Throws where the server does not answer. */
export async function nextOn(
  jsm: JetStreamManager,
  stream: string,
  from: NextFrom,
  subject = '>',
): Promise<StoredMsg | undefined> {
  try {
    // The server takes a time here as well, which the client's type does not say.
    const query = { ...from, next_by_subj: subject }
    return (await jsm.streams.getMessage(stream, query as MsgRequest)) ?? undefined
  } catch (error) {
    if (isNoMessage(error)) return undefined
    throw error
  }
}
