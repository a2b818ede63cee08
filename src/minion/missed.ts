// After each connect a minion asks for the jobs that were sent while it was away, page by page; a page counts as taken only
// once it is on disk, so that nothing is lost on the way.
import type { NatsConnection } from '@nats-io/transport-node'
import { isObject } from '../base/json.ts'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'
import { requestJson } from '../bus/request.ts'
import { isJid } from '../protocol/jid.ts'
import type { MissedRequest } from '../protocol/job.ts'
import type { Subjects } from '../protocol/subject.ts'
import { isJobMessage } from './held.ts'
import type { JobEngine } from './jobs.ts'
import { untilAnswered } from './until-answered.ts'

export interface MissedParts {
  nc: NatsConnection
  subjects: Subjects
  id: string
  engine: Pick<JobEngine, 'take'>
  now(): number
  log: Log
}

export interface MissedJobs extends Running {
  /** The link has come up, and the jobs are subscribed to: what is sent from now on comes by itself. */
  fetch(): void
}

const ANSWER_WITHIN_MS = 10_000

export function createMissedJobs({ nc, subjects, id, engine, now, log }: MissedParts): MissedJobs {
  const subject = subjects.ofMinion('missed', id)
  let stopped = false
  let fetching = false
  let again = false
  const going = () => !stopped

  /** Jids of the next page that need not be asked for any more; none: there are no more. */
  const takePage = async (took: string[]): Promise<string[]> => {
    const page = await requestJson<unknown>(nc, subject, { took } satisfies MissedRequest, {
      timeoutMs: ANSWER_WITHIN_MS,
      what: 'missed jobs',
    })
    if (!isObject(page) || !Array.isArray(page.jobs)) throw new Error('the answer is no {jobs: [...]}')
    const taken = await Promise.all(page.jobs.map(takeOne))
    const jids = taken.filter(jid => jid !== undefined)
    if (jids.length === 0 && page.jobs.length > 0) throw new Error('none of the jobs missed could be taken')
    return jids
  }
  const takeOne = async (job: unknown): Promise<string | undefined> => {
    if (!isJobMessage(job)) {
      log.error({ job: JSON.stringify(job)?.slice(0, 200) }, 'a job that was missed is malformed; it is passed over')
      return isObject(job) && isJid(job.jid) ? job.jid : undefined
    }
    const answer = await engine.take(job, true)
    if (answer.accepted) return job.jid
    log.warn({ jid: job.jid, reason: answer.reason }, 'a job that was missed is not run')
    // Its time is over: asking again would not change that. What could not be written down is asked for again.
    return job.deadline < now() ? job.jid : undefined
  }

  const fetchAll = async () => {
    let took: string[] = []
    const ask = async () => {
      again = false
      const before = took
      // After a failure the first page is asked for anew.
      took = []
      took = await takePage(before)
    }
    for (;;) {
      if ((await untilAnswered({ nc, ask, going, meanwhile: 'missed jobs are not known yet', log })) !== undefined)
        return
      if (took.length > 0) log.info({ jobs: took.length }, 'jobs that were missed are taken')
      else if (!again) return
    }
  }

  return {
    fetch() {
      again = true
      if (fetching) return
      fetching = true
      void fetchAll().finally(() => {
        fetching = false
        // The link came up once more in the very end.
        if (again && going() && !nc.isClosed()) this.fetch()
      })
    },
    async stop() {
      stopped = true
    },
  }
}
