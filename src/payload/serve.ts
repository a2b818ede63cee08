// The cache worker's side of large values: `<ns>.payload.<minion>` takes a part of a minion's return, and
// `<ns>.history.payload` gives any part. The subject names the minion, and the server lets nobody else publish on it.
import type { Msg, NatsConnection } from '@nats-io/transport-node'
import { errorMessage, ReactorError } from '../base/errors.ts'
import { isObject } from '../base/json.ts'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'
import {
  isPart,
  isStoredName,
  PAYLOAD_HEADER,
  readPartHeader,
  storedName,
  type UploadAnswer,
} from '../protocol/payload.ts'
import type { Subjects } from '../protocol/subject.ts'
import type { PayloadStore } from './store.ts'

/**
 * Parts of one minion that are taken at once: what waits here is held in memory. It sends one after another; only one whose
 * answer is late comes again while the first is in hand.
 */
const AT_ONCE = 4

/**
 * Takes uploads: header `Reactor-Payload: <name>/<part>`, the bytes as body. Answers `{ok: true}` once the part is stored,
 * or `{ok: false, reason}`, with `again: true` where it may be taken later; the same part may come again.
 */
export function serveUploads(
  nc: NatsConnection,
  subjects: Subjects,
  store: Pick<PayloadStore, 'put'>,
  log: Log,
): Running {
  const busy = new Set<Promise<void>>()
  /** By the minion's subject. */
  const inHand = new Map<string, number>()
  const subscription = nc.subscribe(subjects.anyMinion('payload'), {
    queue: `${subjects.ns}-cache`,
    callback: (error, message) => {
      if (error) {
        log.error({ error: errorMessage(error) }, 'the server refuses the subscription to large returns')
        return
      }
      const work = take(message)
        .then(
          () => answer(message, { ok: true }),
          (problem: unknown) => {
            log.warn({ subject: message.subject, error: errorMessage(problem) }, 'a part of a return was refused')
            answer(message, { ok: false, reason: errorMessage(problem), ...(isFinal(problem) ? {} : { again: true }) })
          },
        )
        .finally(() => busy.delete(work))
      busy.add(work)
    },
  })
  async function take(message: Msg): Promise<void> {
    const { subject } = message
    const others = inHand.get(subject) ?? 0
    if (others >= AT_ONCE)
      throw new Error(`${others} parts of this minion are being stored: send them one after another`)
    inHand.set(subject, others + 1)
    try {
      await keep(message)
    } finally {
      const left = inHand.get(subject)! - 1
      if (left > 0) inHand.set(subject, left)
      else inHand.delete(subject)
    }
  }
  async function keep(message: Msg): Promise<void> {
    const minion = subjects.minionIn(message.subject)
    const header = message.headers?.get(PAYLOAD_HEADER)
    const named = readPartHeader(header)
    if (!named)
      throw new ReactorError(
        'bad_argument',
        `the header ${PAYLOAD_HEADER} must be <name>/<part>, got ${JSON.stringify(header ?? '').slice(0, 80)}`,
      )
    if (message.data.length === 0) throw new ReactorError('bad_argument', 'the part is empty')
    const name = storedName(minion, named.name)
    if (!isStoredName(name))
      throw new ReactorError('bad_argument', 'the id of the minion is too long for the name of a payload')
    await store.put(name, named.part, message.data)
  }
  function answer(message: Msg, body: UploadAnswer): void {
    try {
      message.respond(JSON.stringify(body))
    } catch (error) {
      // The connection is closing: the minion asks again, and another worker answers.
      log.warn({ subject: message.subject, error: errorMessage(error) }, 'the answer to an upload could not be sent')
    }
  }
  return {
    async stop() {
      await subscription.drain()
      await Promise.allSettled(busy)
    },
  }
}

/** A return that is refused for good is lost: all that is not known to be so may be tried again. */
const isFinal = (problem: unknown): boolean =>
  problem instanceof ReactorError && (problem.code === 'bad_argument' || problem.code === 'store_refused')

/** One part, for `<ns>.history.payload`. Throws `bad_argument` and `not_found`. */
export async function readPart(store: Pick<PayloadStore, 'get'>, request: unknown): Promise<Uint8Array> {
  if (!isObject(request) || Object.keys(request).some(key => key !== 'name' && key !== 'part'))
    throw new ReactorError('bad_argument', 'history.payload: the body must be a map {name, part}')
  const { name, part } = request
  if (!isStoredName(name))
    throw new ReactorError(
      'bad_argument',
      `history.payload: 'name' must be <escaped minion id>.<name>, got ${JSON.stringify(name ?? null).slice(0, 80)}`,
    )
  if (!isPart(part))
    throw new ReactorError(
      'bad_argument',
      `history.payload: 'part' must be a whole number from 0 on, got ${JSON.stringify(part ?? null).slice(0, 80)}`,
    )
  const bytes = await store.get(name, part)
  if (bytes) return bytes
  throw new ReactorError(
    'not_found',
    `part ${part} of payload '${name}' is not stored: its time is over (cache.keep_jobs), newer ones needed its place (cache.max_payload_bytes), or there never was one`,
  )
}
