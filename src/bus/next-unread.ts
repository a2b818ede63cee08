// What a durable consumer has yet to read first, past what its filters leave out.
import type { ConsumerInfo, JetStreamManager, StoredMsg } from '@nats-io/jetstream'
import { nextOn } from './next-on.ts'

/** Undefined: there is nothing that it has not acked. Throws where the server does not answer. */
export async function nextUnread(
  jsm: JetStreamManager,
  { stream_name: stream, ack_floor, config }: ConsumerInfo,
): Promise<StoredMsg | undefined> {
  const subjects = config.filter_subjects ?? [config.filter_subject ?? '>']
  const from = { seq: ack_floor.stream_seq + 1 }
  const found = await Promise.all(subjects.map(subject => nextOn(jsm, stream, from, subject)))
  return found.filter(message => message !== undefined).sort((a, b) => a.seq - b.seq)[0]
}
