// What of the history an operator gets to see: events with tags that they may read, and their own jobs unless they may see
// everybody's. A job that they may not see is answered as one that there is not.
import { isObject } from '../base/json.ts'
import { type Asker, type Authority, maySeeJob } from '../operators/authority.ts'
import { createTagCheck } from '../operators/may.ts'
import { readPart } from '../payload/serve.ts'
import type { PayloadStore } from '../payload/store.ts'
import type { JobRequest, JobsPage, JobsRequest } from '../protocol/job-view.ts'
import { isAnswerName, isStoredName } from '../protocol/payload.ts'
import type { Grants } from '../protocol/role.ts'
import type { JobStore } from './store.ts'
import type { JobAnswer, JobWaits } from './wait.ts'

const NOTHING_STORED = { get: async () => undefined }
/** Seconds in which the job of a return that somebody has heard of must have become known here. */
const SETTLE_S = 5

/** Which tags the asker may read. Throws `forbidden`, recorded, where none. */
export function readableTags(authority: Authority, asker: Asker): (tag: string) => boolean {
  const { read } = asker.grants()
  if (read.length > 0) return createTagCheck(read)
  const reason = `'${asker.user}' may not read events: no role of theirs grants it (@events)`
  throw authority.refuse(asker, 'history', 'history.events', reason)
}

/** Whether what rules decided may be read: it shows what they filled in from any event. As NATS has it for who follows it live. */
export const seesReactions = ({ read }: Pick<Grants, 'read'>): boolean => read.includes('**')

/** Throws `forbidden`, recorded, unless the asker may read what rules decided. */
export function requireReactions(authority: Authority, asker: Asker, action: string): void {
  if (seesReactions(asker.grants())) return
  const reason = `'${asker.user}' may not read reactions: no role of theirs grants every event ('**' in @events)`
  throw authority.refuse(asker, 'history', action, reason)
}

export interface JobRights {
  job(asker: Asker, request: JobRequest): Promise<JobAnswer>
  /** The request as it is answered to that asker; undefined: there is nothing. */
  narrowed(asker: Asker, request: JobsRequest): JobsRequest | undefined
  /** Throws `bad_argument`, `not_found`. */
  part(asker: Asker, request: unknown): Promise<Uint8Array>
}

export const NO_JOBS: JobsPage = { jobs: [], more: false }

export function createJobRights(
  authority: Authority,
  {
    store,
    waits,
    payloads,
  }: { store: Pick<JobStore, 'asker'>; waits: Pick<JobWaits, 'answer'>; payloads: Pick<PayloadStore, 'get'> },
): JobRights {
  const seesAll = (asker: Asker) => asker.grants().jobs === 'all'
  const isOthers = (asker: Asker, user: string | undefined) => user !== undefined && user !== '' && user !== asker.user
  const record = (asker: Asker, action: string, what: string) =>
    authority.refuse(
      asker,
      'history',
      action,
      `'${asker.user}' may not see ${what}: no role of theirs grants it (@jobs)`,
    )

  return {
    async job(asker, request) {
      if (seesAll(asker)) return waits.answer(request)
      let recorded = false
      const recordOnce = () => {
        if (!recorded) record(asker, 'history.job', `job ${request.jid}`)
        recorded = true
      }
      if (isOthers(asker, await store.asker(request.jid))) recordOnce()
      return waits.answer(request, job => {
        const may = maySeeJob(asker.user, asker.grants(), job)
        // One that only the store of a returner has.
        if (!may && isOthers(asker, job.user)) recordOnce()
        return may
      })
    },
    narrowed(asker, request) {
      if (seesAll(asker)) return request
      const { user = asker.user } = request
      if (user === asker.user) return { ...request, user }
      record(asker, 'history.jobs', `the jobs of '${user.slice(0, 100)}'`)
      return undefined
    },
    async part(asker, request) {
      const name = isObject(request) && typeof request.name === 'string' ? request.name : ''
      if (seesAll(asker) || isAnswerName(name) || !isStoredName(name)) return readPart(payloads, request)
      const jid = name.slice(name.lastIndexOf('.') + 1)
      let user = await store.asker(jid)
      // Heard of live, before its job was stored.
      if (user === undefined) {
        await waits.answer({ jid, wait: SETTLE_S })
        user = await store.asker(jid)
      }
      if (isOthers(asker, user)) record(asker, 'history.payload', `job ${jid}`)
      return readPart(user === asker.user ? payloads : NOTHING_STORED, request)
    },
  }
}
