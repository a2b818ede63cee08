// What a durable consumer has yet to read first, past what its filters leave out.
import type { ConsumerInfo, JetStreamManager, StoredMsg } from '@nats-io/jetstream'
import { isNoMessage } from './no-message.ts'

/** Undefined: there is nothing that it has not acked. Throws where the server does not answer. */
export async function nextUnread(
  jsm: JetStreamManager,
  { stream_name: stream, ack_floor, config }: ConsumerInfo,
): Promise<StoredMsg | undefined> {
  const next = async (subject: string): Promise<StoredMsg | undefined> => {
    try {
      // Of the stream's leader: another may not have it yet.
      const query = { seq: ack_floor.stream_seq + 1, next_by_subj: subject }
      return (await jsm.streams.getMessage(stream, query)) ?? undefined
    } catch (error) {
      if (isNoMessage(error)) return undefined
      throw error
    }
  }
  const subjects = config.filter_subjects ?? [config.filter_subject ?? '>']
  const found = (await Promise.all(subjects.map(next))).filter(message => message !== undefined)
  return found.sort((a, b) => a.seq - b.seq)[0]
}
