// Serves requests through the NATS services framework, so that any NATS client can call and discover them.
import { type Service, type ServiceMsg, Svcm } from '@nats-io/services'
import { headers as createHeaders, type NatsConnection } from '@nats-io/transport-node'
import { asReactorError, ERROR_CODES, errorMessage, ReactorError } from '../base/errors.ts'
import { isObject } from '../base/json.ts'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'
import { VERSION } from '../base/version.ts'
import { HEADER } from '../protocol/event.ts'
import type { PayloadRef } from '../protocol/job.ts'
import { PAYLOAD_HEADER } from '../protocol/payload.ts'
import { maxPayload } from './max-payload.ts'

export interface Endpoint {
  /** Name in the service's info: `[A-Za-z0-9_-]+`. */
  name: string
  subject: string
  metadata?: Record<string, string>
  /** Answers one request with a JSON value, with bytes as they are, or `failedAnswer`; what it throws becomes the error answer. */
  handle(request: ServiceMsg): Promise<unknown>
}

export interface ServedService {
  /** `[A-Za-z0-9_-]+` */
  name: string
  description: string
  /** Requests are shared among the processes that serve the same queue. */
  queue: string
  endpoints: Endpoint[]
  /** Stores an answer that is larger than a message; it is answered with the ref. Without it such an answer is an error. */
  overflow?: Overflow
  log: Log
}

export type Overflow = (bytes: Uint8Array) => Promise<PayloadRef>

/** Adds the service to the connection, and resolves once it is reachable. Replies never carry headers of the request. */
export async function serve(nc: NatsConnection, served: ServedService): Promise<Running> {
  const { log } = served
  const service: Service = await new Svcm(nc).add({
    name: served.name,
    version: VERSION,
    description: served.description,
    queue: served.queue,
  })
  const busy = new Set<Promise<void>>()
  for (const endpoint of served.endpoints) {
    service.addEndpoint(endpoint.name, {
      subject: endpoint.subject,
      ...(endpoint.metadata ? { metadata: endpoint.metadata } : {}),
      handler: (error, request) => {
        if (error) {
          log.warn({ endpoint: endpoint.name, error: error.message }, 'the server refused the subscription')
          return
        }
        const limit = maxPayload(nc)
        const work = answer(endpoint, request, { limit, log, overflow: served.overflow })
          .catch(failed =>
            log.warn({ endpoint: endpoint.name, error: errorMessage(failed) }, 'an answer could not be sent'),
          )
          .finally(() => busy.delete(work))
        busy.add(work)
      },
    })
  }
  // Who is told that it is served finds it: the server knows the subscriptions by then.
  await nc.flush()
  return {
    async stop() {
      await service.stop().catch(() => undefined)
      await Promise.allSettled(busy)
    },
  }
}

const FAILED = Symbol('failed')

/** An answer with this value as its body, and a header which says that what returned it has failed. */
export const failedAnswer = (value: unknown): unknown => ({ [FAILED]: true, value })

/** Others choose the length of what an error repeats; its message must fit an answer. */
const MAX_MESSAGE = 4000

interface Answering {
  limit: number
  log: Log
  overflow: Overflow | undefined
}

/** Sends a value as the answer. Throws `function_failed` where it is larger than a message and nothing takes it. */
async function respond(request: ServiceMsg, given: unknown, { limit, overflow }: Answering): Promise<void> {
  const failed = isObject(given) && FAILED in given
  const value = failed ? given.value : given
  const headers = createHeaders()
  if (failed) headers.set(HEADER.failed, 'true')
  const body = value instanceof Uint8Array ? value : Buffer.from(JSON.stringify(value ?? null))
  if (body.length <= limit) return void request.respond(body, failed ? { headers } : {})
  const size = `the return has ${body.length} bytes, more than an answer may have (${limit})`
  if (!overflow || value instanceof Uint8Array) throw new ReactorError('function_failed', size)
  const ref = await overflow(body).catch((error: unknown) => {
    throw new ReactorError('function_failed', `${size}, and cannot be stored: ${errorMessage(error)}`)
  })
  headers.set(PAYLOAD_HEADER, JSON.stringify(ref))
  request.respond(JSON.stringify({ _payload: ref }), { headers })
}

async function answer(endpoint: Endpoint, request: ServiceMsg, answering: Answering): Promise<void> {
  try {
    const value = await endpoint.handle(request)
    if (request.reply) await respond(request, value, answering)
  } catch (thrown) {
    const error = asReactorError(thrown)
    if (error.code === 'internal')
      answering.log.error(
        { endpoint: endpoint.name, error: error.cause ?? error.message },
        'a request failed on a defect',
      )
    if (!request.reply) return
    // A header is one line; the whole message is in the body.
    const line = error.message.replace(/\s+/g, ' ').slice(0, 1000)
    request.respondError(
      ERROR_CODES[error.code].status,
      line,
      JSON.stringify({ error: { code: error.code, message: error.message.slice(0, MAX_MESSAGE).toWellFormed() } }),
    )
  }
}
