// `<ns>.history.events`, `.job`, `.jobs`, `.reactions`, `.rules` and `.payload`: what is stored, for those who may not touch the stores themselves.
import type { ServiceMsg } from '@nats-io/services'
import type { NatsConnection } from '@nats-io/transport-node'
import type { Clock } from '../base/clock.ts'
import { ReactorError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'
import { maxPayload } from '../bus/max-payload.ts'
import { parseJson } from '../bus/request.ts'
import { type Overflow, serve } from '../bus/serve.ts'
import type { Authority } from '../operators/authority.ts'
import type { PayloadStore } from '../payload/store.ts'
import type { Subjects } from '../protocol/subject.ts'
import type { DecisionStore } from './decisions/store.ts'
import { openHistory } from './history.ts'
import { checkJobRequest, checkJobsRequest, checkReactionsRequest, checkRulesRequest } from './requests.ts'
import { type Others, withOthers } from './returning/with-others.ts'
import { createJobRights, NO_JOBS, readableTags, requireReactions } from './rights.ts'
import type { JobStore } from './store.ts'
import { createJobWaits } from './wait.ts'

export interface HistoryParts {
  nc: NatsConnection
  subjects: Subjects
  store: JobStore
  decisions: Pick<DecisionStore, 'reactions' | 'rules'>
  payloads: PayloadStore
  overflow: Overflow
  authority: Authority
  /** Stores of returners; left out: there is the job cache alone. */
  others?: Others
  clock: Clock
  log: Log
}

/** What a page has around its jobs. */
const FRAME_BYTES = 4096

const NO_OTHERS: Others = {
  open: async name => {
    throw new ReactorError('bad_argument', `there is no returner '${name}' here: leave ext_source out`)
  },
}

export async function serveHistory(parts: HistoryParts): Promise<Running> {
  const { nc, subjects, store, decisions, payloads, overflow, authority, clock, log, others = NO_OTHERS } = parts
  const events = await openHistory(nc, subjects)
  const pageBytes = () => maxPayload(nc) - FRAME_BYTES
  const waits = createJobWaits(store, clock)
  const reader = withOthers(store, waits, others, clock.now)
  const rights = createJobRights(authority, { store, waits: reader, payloads })
  const bodyOf = (request: ServiceMsg) => parseJson(request.string() || '{}')
  const service = await serve(nc, {
    name: `${subjects.ns}-history`,
    description:
      'stored events, jobs and reactions in pages, one job with its returns, counts of rules, parts of returns larger than a message',
    queue: `${subjects.ns}-cache`,
    log,
    overflow,
    endpoints: [
      {
        name: 'events',
        subject: subjects.historyEvents,
        handle: async request => {
          const mayRead = readableTags(authority, authority.asker(request.headers))
          return events(bodyOf(request), mayRead)
        },
      },
      {
        name: 'job',
        subject: subjects.historyJob,
        handle: async request => rights.job(authority.asker(request.headers), checkJobRequest(bodyOf(request))),
      },
      {
        name: 'jobs',
        subject: subjects.historyJobs,
        handle: async request => {
          const wanted = rights.narrowed(authority.asker(request.headers), checkJobsRequest(bodyOf(request)))
          return wanted ? reader.jobs(wanted, clock.now(), pageBytes()) : NO_JOBS
        },
      },
      {
        name: 'reactions',
        subject: subjects.historyReactions,
        handle: async request => {
          requireReactions(authority, authority.asker(request.headers), 'history.reactions')
          return decisions.reactions(checkReactionsRequest(bodyOf(request)), pageBytes())
        },
      },
      {
        name: 'rules',
        subject: subjects.historyRules,
        handle: async request => {
          requireReactions(authority, authority.asker(request.headers), 'history.rules')
          checkRulesRequest(bodyOf(request))
          return decisions.rules()
        },
      },
      {
        name: 'payload',
        subject: subjects.historyPayload,
        handle: async request => rights.part(authority.asker(request.headers), bodyOf(request)),
      },
    ],
  })
  return {
    stop() {
      waits.stop()
      return service.stop()
    },
  }
}
