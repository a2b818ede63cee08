// Serves requests through the NATS services framework, so that any NATS client can call and discover them.
import { type Service, type ServiceMsg, Svcm } from '@nats-io/services'
import type { NatsConnection } from '@nats-io/transport-node'
import { asReactorError, ERROR_CODES, errorMessage, ReactorError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'

export interface Endpoint {
  /** Name in the service's info: `[A-Za-z0-9_-]+`. */
  name: string
  subject: string
  metadata?: Record<string, string>
  /** Answers one request with a JSON value; what it throws becomes the error answer. */
  handle(request: ServiceMsg): Promise<unknown>
}

export interface ServedService {
  /** `[A-Za-z0-9_-]+` */
  name: string
  version: string
  description: string
  /** Requests are shared among the processes that serve the same queue. */
  queue: string
  endpoints: Endpoint[]
  log: Log
}

/** Adds the service to the connection. Replies never carry headers of the request. */
export async function serve(nc: NatsConnection, served: ServedService): Promise<Running> {
  const { log } = served
  const service: Service = await new Svcm(nc).add({
    name: served.name,
    version: served.version,
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
        const work = answer(endpoint, request, nc.info?.max_payload ?? Number.POSITIVE_INFINITY, log)
          .catch(failed =>
            log.warn({ endpoint: endpoint.name, error: errorMessage(failed) }, 'an answer could not be sent'),
          )
          .finally(() => busy.delete(work))
        busy.add(work)
      },
    })
  }
  return {
    async stop() {
      await service.stop().catch(() => undefined)
      await Promise.allSettled(busy)
    },
  }
}

/** Others choose the length of what an error repeats; its message must fit an answer. */
const MAX_MESSAGE = 4000

function withinLimit(body: string, limit: number): string {
  const size = Buffer.byteLength(body)
  if (size <= limit) return body
  throw new ReactorError('function_failed', `the return has ${size} bytes, more than an answer may have (${limit})`)
}

async function answer(endpoint: Endpoint, request: ServiceMsg, limit: number, log: Log): Promise<void> {
  try {
    const value = await endpoint.handle(request)
    if (request.reply) request.respond(withinLimit(JSON.stringify(value ?? null), limit))
  } catch (thrown) {
    const error = asReactorError(thrown)
    if (error.code === 'internal')
      log.error({ endpoint: endpoint.name, error: error.cause ?? error.message }, 'a request failed on a defect')
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
