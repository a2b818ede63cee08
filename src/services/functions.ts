// Runner and wheel functions as NATS services: `<ns>.runner.<module>.<function>` and `<ns>.wheel.…` answer requests with
// the function's return as JSON. Services of CORE get the whole outcome, with the jid, under their own work key.
import type { ServiceMsg } from '@nats-io/services'
import type { NatsConnection } from '@nats-io/transport-node'
import { ReactorError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'
import { parseArguments, parseJson } from '../bus/request.ts'
import { requestInfo } from '../bus/requester.ts'
import { type Endpoint, failedAnswer, type Overflow, serve } from '../bus/serve.ts'
import { jsonSchema } from '../functions/doc.ts'
import type { Registry } from '../functions/registry.ts'
import type { RunFunction } from '../jobs/run-function.ts'
import type { Authority } from '../operators/authority.ts'
import { HEADER } from '../protocol/event.ts'
import type { Subjects } from '../protocol/subject.ts'
import { isValuePaths, type ValuePath } from '../protocol/trust.ts'

export interface FunctionServiceParts {
  nc: NatsConnection
  subjects: Subjects
  registry: Registry<'runner' | 'wheel'>
  run: RunFunction
  authority: Authority
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

async function handle(
  { registry, run, authority }: FunctionServiceParts,
  fun: string,
  request: ServiceMsg,
): Promise<unknown> {
  const asker = authority.asker(request.headers)
  // First of all: who may not call it learns nothing of it.
  authority.requireFunction(asker, registry.kind, fun)
  const { arg, kwarg } = authority.reading(asker, registry.kind, fun, () => parseArguments(request.string()))
  const inside = requestInfo(request.headers) === undefined ? request.headers : undefined
  const work = inside?.get(HEADER.work)
  const { jid, outcome, begun, told } = await run({
    fun,
    arg,
    kwarg,
    ...asker,
    cause: inside?.get(HEADER.cause) || undefined,
    hops: Number(inside?.get(HEADER.hops) || 0),
    chain: inside?.get(HEADER.chain) || undefined,
    untrusted: readUntrusted(inside?.get(HEADER.untrusted)),
    work: work ? { key: work, causeMs: Number(inside?.get(HEADER.time)) } : undefined,
  })
  await told
  if (work) return { jid, outcome, ...(begun ? { begun } : {}) }
  // As in Salt, a return that says itself that it has failed is one.
  if (outcome.ok) return outcome.value
  if ('value' in outcome) return failedAnswer(outcome.value)
  throw new ReactorError(outcome.code, outcome.message, { jid })
}

/** Paths to the arguments that an event filled. Throws `bad_argument`: what cannot be read must not count as trusted. */
function readUntrusted(header: string | undefined): ValuePath[] | undefined {
  if (!header) return undefined
  const paths = parseJson(header)
  if (isValuePaths(paths)) return paths
  throw new ReactorError(
    'bad_argument',
    `${HEADER.untrusted} is a list of paths to arguments, got ${header.slice(0, 80)}`,
  )
}
