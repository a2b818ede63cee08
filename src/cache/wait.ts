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
}

export interface JobWaits {
  answer(request: JobRequest): Promise<JobAnswer>
  /** Whoever waits is answered now. */
  stop(): void
}

export function createJobWaits(store: JobStore, clock: Clock): JobWaits {
  const stopping = new AbortController()
  setMaxListeners(MAX_WAITERS, stopping.signal)
  let waiters = 0

  const untilChanged = async (jid: string, after: string, waitMs: number) => {
    const giveUp = performance.now() + waitMs
    for (let seen: string | undefined; !stopping.signal.aborted; ) {
      const version = await store.version()
      if (version !== seen && (await store.marker(jid)) !== after) return
      seen = version
      const left = giveUp - performance.now()
      if (left <= 0) return
      await sleep(Math.min(LOOK_MS, left), undefined, { signal: stopping.signal }).catch(() => undefined)
    }
  }

  return {
    async answer({ jid, wait = 0, after = '' }) {
      if (wait > 0 && waiters < MAX_WAITERS) {
        waiters++
        await untilChanged(jid, after, wait * 1000).finally(() => waiters--)
      }
      // Read before the job: what comes in between is told by the next answer.
      const marker = await store.marker(jid)
      return { job: await store.job(jid, clock.now()), marker }
    },
    stop: () => stopping.abort(),
  }
}
