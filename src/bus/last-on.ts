// The last message on a subject of a stream; none is no failure.
import type { JetStreamManager, StoredMsg } from '@nats-io/jetstream'
import { errorMessage, ReactorError } from '../base/errors.ts'
import { isNoMessage } from './no-message.ts'

export interface LastOnOptions {
  /** What cannot be read then, for people: 'the record of job 2026…'. */
  what: string
  /** Asks any node that has the stream, which may be a moment behind; default: its leader. */
  direct?: true
}

/** Undefined where there is none. Throws `unreachable`. */
export async function lastOn(
  jsm: JetStreamManager,
  stream: string,
  subject: string,
  { what, direct }: LastOnOptions,
): Promise<Pick<StoredMsg, 'subject' | 'seq' | 'time' | 'header' | 'json' | 'string'> | undefined> {
  const query = { last_by_subj: subject }
  try {
    const found = direct ? await jsm.direct.getMessage(stream, query) : await jsm.streams.getMessage(stream, query)
    return found ?? undefined
  } catch (error) {
    if (isNoMessage(error)) return undefined
    throw new ReactorError('unreachable', `${what} cannot be read: ${errorMessage(error)}`, {}, error)
  }
}
