// `<ns>.history.events`, `.job`, `.jobs` and `.payload`: what is stored, for those who may not touch the stores themselves.
import type { NatsConnection } from '@nats-io/transport-node'
import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'
import { maxPayload } from '../bus/max-payload.ts'
import { parseJson } from '../bus/request.ts'
import { type Overflow, serve } from '../bus/serve.ts'
import { readPart } from '../payload/serve.ts'
import type { PayloadStore } from '../payload/store.ts'
import type { Subjects } from '../protocol/subject.ts'
import { openHistory } from './history.ts'
import { checkJobRequest, checkJobsRequest } from './requests.ts'
import type { JobStore } from './store.ts'

export interface HistoryParts {
  nc: NatsConnection
  subjects: Subjects
  store: JobStore
  payloads: PayloadStore
  overflow: Overflow
  clock: Clock
  log: Log
}

/** What a page has around its jobs. */
const FRAME_BYTES = 4096

export async function serveHistory(parts: HistoryParts): Promise<Running> {
  const { nc, subjects, store, payloads, overflow, clock, log } = parts
  const events = await openHistory(nc, subjects)
  const pageBytes = () => maxPayload(nc) - FRAME_BYTES
  return serve(nc, {
    name: `${subjects.ns}-history`,
    description: 'stored events and jobs in pages, one job with its returns, parts of returns larger than a message',
    queue: `${subjects.ns}-cache`,
    log,
    overflow,
    endpoints: [
      {
        name: 'events',
        subject: subjects.historyEvents,
        handle: request => events(parseJson(request.string() || '{}')),
      },
      {
        name: 'job',
        subject: subjects.historyJob,
        handle: async request => {
          const { jid } = checkJobRequest(parseJson(request.string() || '{}'))
          return { job: await store.job(jid, clock.now()) }
        },
      },
      {
        name: 'jobs',
        subject: subjects.historyJobs,
        handle: async request =>
          store.jobs(checkJobsRequest(parseJson(request.string() || '{}')), clock.now(), pageBytes()),
      },
      {
        name: 'payload',
        subject: subjects.historyPayload,
        handle: async request => readPart(payloads, parseJson(request.string() || '{}')),
      },
    ],
  })
}
