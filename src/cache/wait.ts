// Waiting until what the job cache knows of a job has changed. Several workers share its file, so one hears nothing of what
// another has stored: while somebody waits, the file is looked at.
import { setMaxListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from '../base/clock.ts'
import type { JobRequest, JobView } from '../protocol/job-view.ts'
import type { JobStore } from './store.ts'

/** Seconds that one request may wait. */
export const MAX_WAIT_S = 30
/** Who comes on top is answered at once, as if the wait were over. */
const MAX_WAITERS = 256
const LOOK_MS = 100

export interface JobAnswer {
  /** Null: there is no such job, or not any more. */
  job: JobView | null
  /** What was known when it was read: `after` of the next request. */
  marker: string
  /** Why the master's job cache could not be read: what is answered is what the local one has. */
  incomplete?: string
}

export interface JobWaits {
  /** A job that is not `visible` is answered as one that there is not, and after as long a wait. */
  answer(request: JobRequest, visible?: (job: JobView) => boolean): Promise<JobAnswer>
  /** Whoever waits is answered now. */
  stop(): void
}

export function createJobWaits(store: JobStore, clock: Clock): JobWaits {
  const stopping = new AbortController()
  setMaxListeners(MAX_WAITERS, stopping.signal)
  let waiters = 0

  const read = async (jid: string, visible: (job: JobView) => boolean): Promise<JobAnswer> => {
    // Read before the job: what comes in between is told by the next answer.
    const marker = await store.marker(jid)
    const job = await store.job(jid, clock.now())
    return job && !visible(job) ? { job: null, marker: '' } : { job, marker }
  }

  const untilChanged = async (jid: string, after: string, waitMs: number, visible: (job: JobView) => boolean) => {
    const giveUp = performance.now() + waitMs
    let known = after
    for (let seen: string | undefined; !stopping.signal.aborted; ) {
      const version = await store.version()
      if (version !== seen) {
        const marker = await store.marker(jid)
        if (marker !== known && (await read(jid, visible)).marker !== after) return
        known = marker
      }
      seen = version
      const left = giveUp - performance.now()
      if (left <= 0) return
      await sleep(Math.min(LOOK_MS, left), undefined, { signal: stopping.signal }).catch(() => undefined)
    }
  }

  return {
    async answer({ jid, wait = 0, after = '' }, visible = () => true) {
      if (wait > 0 && waiters < MAX_WAITERS) {
        waiters++
        await untilChanged(jid, after, wait * 1000, visible).finally(() => waiters--)
      }
      return read(jid, visible)
    },
    stop: () => stopping.abort(),
  }
}
