// The store behind the returner `nats`: records become messages of a stream, which is made where it is missing.
import { JetStreamApiCodes, JetStreamApiError, jetstreamManager } from '@nats-io/jetstream'
import { type NatsConnection, nanos } from '@nats-io/transport-node'
import { timeoutMs } from '../alerts/profiles.ts'
import { errorMessage, ReactorError } from '../base/errors.ts'
import { type ReturnerContext, type ReturnerStore, refused } from '../functions/define-returner.ts'
import { tagToTokens } from '../protocol/tag.ts'
import { escapeToken } from '../protocol/token.ts'
import { createCalls, throwWorst } from './hand-on.ts'
import { recordText } from './record-text.ts'
import { createStreamLink, type LinkOptions } from './stream-link.ts'
import { createTaken, eventItem, type Item, returnItem } from './taken.ts'
import { withinTime } from './time-limit.ts'

export interface StreamOptions extends Omit<LinkOptions, 'timeoutMs'> {
  stream: string
  subject: string
  create: boolean
  /** Milliseconds; 0: for ever. */
  max_age: number
  max_bytes: number
  timeout: string | number
}

const TEN_MINUTES_MS = 600_000
/** Bytes of a subject: the server ends the connection of a client whose protocol line is longer than 4096. */
const LONGEST_SUBJECT = 3000
const NAME_IN_USE = 10058
/** What JetStream says of a message that no try will make smaller. */
const TOO_LARGE = /message size exceeds maximum/

/** Throws `bad_config`. */
export function openStream(options: StreamOptions, { log, id }: ReturnerContext): ReturnerStore {
  const { subject, seed, user, password, token } = options
  if ([seed, user, token].filter(one => one !== undefined).length > 1)
    throw new ReactorError('bad_config', "'nats' takes one login: 'nats.seed', 'nats.user' or 'nats.token'")
  if (password !== undefined && user === undefined)
    throw new ReactorError('bad_config', "'nats.user' is missing: 'nats.password' is set without it")
  const limitMs = timeoutMs(options.timeout)
  const link = createStreamLink({ ...options, timeoutMs: limitMs }, `returner of ${id}`, log)
  const calls = createCalls()
  const taken = createTaken()
  /** The connection on which the stream was last seen. */
  let seenOn: NatsConnection | undefined

  const ready = async () => {
    const { nc, publisher } = await link.open()
    if (seenOn !== nc) await requireStream(nc, options, limitMs)
    seenOn = nc
    return publisher
  }

  const publish = async <T extends object>(items: readonly Item<T>[], subjectOf: (record: T) => string) => {
    const left = taken.left(items)
    if (left.length === 0) return
    const due = performance.now() + limitMs
    const publisher = await withinTime(limitMs, "the NATS server of the returner 'nats'", ready)
    const send = async ({ key, record }: Item<T>) => {
      try {
        const message = { id: key, deadlineMs: Math.max(0, due - performance.now()) }
        await publisher.publish(subjectOf(record), recordText(key, record), message)
      } catch (error) {
        throw readError(error)
      }
    }
    const done = await Promise.allSettled(left.map(item => taken.once(item, () => send(item))))
    const errors = done.flatMap(one => (one.status === 'rejected' ? [one.reason as unknown] : []))
    // Whoever removed the stream while it was in use is found out by the next call.
    if (errors.length > 0) seenOn = undefined
    taken.ended(items)
    throwWorst(errors)
  }

  return {
    returner: returns =>
      calls.hold(() =>
        publish(returns.map(returnItem), one =>
          bounded(`${subject}.return.${funTokens(one.fun)}.${escapeToken(one.id)}`),
        ),
      ),
    event_return: events =>
      calls.hold(() => publish(events.map(eventItem), ({ tag }) => bounded(`${subject}.event.${tagToTokens(tag)}`))),
    async close() {
      await calls.ended()
      await link.close()
    },
  }
}

const funTokens = (fun: string): string => fun.split('.').map(escapeToken).join('.')

function bounded(subject: string): string {
  if (subject.length <= LONGEST_SUBJECT) return subject
  throw refused(`the subject ${subject.slice(0, 100)}… has ${subject.length} bytes, at most ${LONGEST_SUBJECT} can be`)
}

/** A message that cannot be, or is too large, is one that no try will mend. */
function readError(error: unknown): unknown {
  if (!(error instanceof ReactorError)) return error
  const never = error.code === 'bad_event' || (error.code === 'store_refused' && TOO_LARGE.test(error.message))
  return never ? refused(error.message, error) : error
}

async function requireStream(nc: NatsConnection, options: StreamOptions, limitMs: number): Promise<void> {
  const { stream, subject, create, max_bytes } = options
  if (!create) return
  const max_age = nanos(options.max_age)
  const duplicate_window = max_age === 0 ? nanos(TEN_MINUTES_MS) : Math.min(nanos(TEN_MINUTES_MS), max_age)
  try {
    const { streams } = await jetstreamManager(nc, { checkAPI: false, timeout: limitMs })
    const found = await streams.info(stream).catch(unless(JetStreamApiCodes.StreamNotFound))
    if (!found)
      await streams
        .add({ name: stream, subjects: [`${subject}.>`], max_age, max_bytes, duplicate_window })
        // Another process was faster, with settings of its own.
        .catch(unless(NAME_IN_USE))
  } catch (error) {
    const code = error instanceof JetStreamApiError ? 'store_refused' : 'unreachable'
    throw new ReactorError(code, `the stream ${stream} of the returner 'nats': ${errorMessage(error)}`, {}, error)
  }
}

const unless =
  (code: number) =>
  (error: unknown): undefined => {
    if (error instanceof JetStreamApiError && error.code === code) return
    throw error
  }
