// The cache worker's side of `<ns>.grains.<minion>`: a minion's grains go into the bucket of minions. The subject names
// the minion, and the server lets nobody else publish on it.
import type { KV } from '@nats-io/kv'
import type { Msg, NatsConnection } from '@nats-io/transport-node'
import { errorMessage } from '../base/errors.ts'
import { isObject, parseForeignJson } from '../base/json.ts'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'
import { maxPayload } from '../bus/max-payload.ts'
import type { Subjects } from '../protocol/subject.ts'
import { escapeToken } from '../protocol/token.ts'
import type { MinionEntry } from './registry.ts'

/** Every worker holds the grains of all minions: those of one get this part of a message, whose limit the server sets. */
const SHARE = 4

/** Bytes of an id as a token: all the subjects that name it must fit, those of what it missed among them. */
const MOST_ID = 1000

/** Answers `{ok: true}` once the grains are stored, or `{ok: false, reason}`. */
export function serveGrains(nc: NatsConnection, subjects: Subjects, bucket: KV, log: Log): Running {
  const subscription = nc.subscribe(subjects.anyMinion('grains'), {
    queue: `${subjects.ns}-cache`,
    callback: (error, message) => {
      if (error) {
        log.error({ error: errorMessage(error) }, 'the server refuses the subscription to grains')
        return
      }
      void store(message.subject, message.string()).then(
        () => answer(message, { ok: true }),
        (problem: unknown) => {
          log.warn({ subject: message.subject, error: errorMessage(problem) }, 'grains were refused')
          answer(message, { ok: false, reason: errorMessage(problem) })
        },
      )
    },
  })
  function answer(message: Msg, body: { ok: boolean; reason?: string }): void {
    try {
      message.respond(JSON.stringify(body))
    } catch (error) {
      // The connection is closing: the minion asks again, and another worker answers.
      log.warn({ subject: message.subject, error: errorMessage(error) }, 'the answer to grains could not be sent')
    }
  }
  async function store(subject: string, text: string): Promise<void> {
    const id = subjects.minionIn(subject)
    const key = escapeToken(id)
    if (key.length > MOST_ID)
      throw new Error(
        `the id has ${key.length} bytes as a token of a subject, more than a minion's may have (${MOST_ID})`,
      )
    if (/\p{Cc}/u.test(id)) throw new Error('the id has control characters')
    const size = Buffer.byteLength(text)
    const limit = Math.floor(maxPayload(nc) / SHARE)
    if (size > limit)
      throw new Error(`the grains have ${size} bytes, more than a minion's may have (${limit}): make them fewer`)
    const grains: unknown = parseForeignJson(text)
    if (!isObject(grains)) throw new Error('grains must be a map')
    const entry: MinionEntry = { id, grains: { ...grains, id } }
    await bucket.put(key, JSON.stringify(entry))
  }
  return {
    async stop() {
      await subscription.drain()
    },
  }
}
