// Runner and wheel functions as NATS services: `<ns>.runner.<module>.<function>` and `<ns>.wheel.…` answer requests with
// the function's return as JSON. Services of CORE get the whole outcome, with the jid, under their own work key.
import type { ServiceMsg } from '@nats-io/services'
import type { NatsConnection } from '@nats-io/transport-node'
import { ReactorError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'
import { parseArguments } from '../bus/request.ts'
import { requester, requestInfo } from '../bus/requester.ts'
import { type Endpoint, type Overflow, serve } from '../bus/serve.ts'
import { jsonSchema } from '../functions/doc.ts'
import type { Registry } from '../functions/registry.ts'
import type { RunFunction } from '../jobs/run-function.ts'
import { HEADER } from '../protocol/event.ts'
import type { Subjects } from '../protocol/subject.ts'

export interface FunctionServiceParts {
  nc: NatsConnection
  subjects: Subjects
  registry: Registry<'runner' | 'wheel'>
  run: RunFunction
  operators: Readonly<Record<string, string>>
  overflow?: Overflow
  log: Log
}

export function serveFunctions(parts: FunctionServiceParts): Promise<Running> {
  const { nc, subjects, registry, log } = parts
  const kind = registry.kind
  const endpoints = registry.docs().map(
    (doc): Endpoint => ({
      name: doc.name.replace('.', '-'),
      subject: subjects[kind](doc.name),
      metadata: {
        function: `${kind}.${doc.name}`,
        usage: doc.usage,
        schema: JSON.stringify(jsonSchema(registry.get(doc.name))),
      },
      handle: request => handle(parts, doc.name, request),
    }),
  )
  return serve(nc, {
    name: `${subjects.ns}-${kind}`,
    description:
      kind === 'runner' ? 'runner functions, run by the job workers' : "wheel functions, run on the master's own state",
    queue: `${subjects.ns}-${kind}`,
    endpoints,
    ...(parts.overflow ? { overflow: parts.overflow } : {}),
    log,
  })
}

async function handle({ run, operators }: FunctionServiceParts, fun: string, request: ServiceMsg): Promise<unknown> {
  const { arg, kwarg } = parseArguments(request.string())
  const user = requester(request.headers, operators)
  const inside = requestInfo(request.headers) === undefined ? request.headers : undefined
  const work = inside?.get(HEADER.work)
  const { jid, outcome } = await run({
    fun,
    arg,
    kwarg,
    user,
    cause: inside?.get(HEADER.cause) || undefined,
    hops: Number(inside?.get(HEADER.hops) || 0),
    work: work ? { key: work, causeMs: Number(inside?.get(HEADER.time)) } : undefined,
  })
  if (work) return { jid, outcome }
  if (outcome.ok) return outcome.value
  throw new ReactorError(outcome.code, outcome.message, { jid })
}
