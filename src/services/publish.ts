// `<ns>.publish`: any NATS client that may, starts a job on minions and gets `{jid, minions, …}`.
import type { NatsConnection } from '@nats-io/transport-node'
import { ReactorError } from '../base/errors.ts'
import { isObject } from '../base/json.ts'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'
import { parseJson } from '../bus/request.ts'
import { type Overflow, serve } from '../bus/serve.ts'
import type { PublishJob, ResolveJob } from '../jobs/publish.ts'
import type { Authority } from '../operators/authority.ts'
import type { PublishMessage } from '../protocol/job.ts'
import type { Subjects } from '../protocol/subject.ts'

export interface PublishServiceParts {
  nc: NatsConnection
  subjects: Subjects
  publishJob: PublishJob
  resolveJob: ResolveJob
  authority: Authority
  overflow?: Overflow
  log: Log
}

export function servePublish({
  nc,
  subjects,
  publishJob,
  resolveJob,
  authority,
  overflow,
  log,
}: PublishServiceParts): Promise<Running> {
  return serve(nc, {
    name: `${subjects.ns}-publish`,
    description: 'starts jobs on minions: {tgt, tgt_type, fun, arg, kwarg, …} → {jid, minions, offline, refused, …}',
    queue: `${subjects.ns}-publish`,
    ...(overflow ? { overflow } : {}),
    log,
    endpoints: [
      {
        name: 'publish',
        subject: subjects.publish,
        async handle(request) {
          const asker = authority.asker(request.headers)
          const asked = authority.reading(asker, 'publish', 'publish', () => readBody(request.string()))
          return asked.resolve ? resolveJob(asked, asker) : publishJob(asked, asker)
        },
      },
    ],
  })
}

function readBody(text: string): PublishMessage {
  const message = parseJson(text || 'null')
  if (isObject(message)) return message as unknown as PublishMessage
  throw new ReactorError('bad_argument', 'publish: the body must be a map {tgt, tgt_type, fun, arg, kwarg}')
}
