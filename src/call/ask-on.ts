// Following a job without the right to follow events: the job cache is asked, and answers when more is known.
import type { Clock } from '../base/clock.ts'
import type { JobCache } from '../cache/client.ts'
import type { JobView } from '../protocol/job-view.ts'

const WAIT_S = 15
/** An answer holds every return again: the more there are, the fewer answers. */
const PAUSE_MS = 100
const PAUSE_OF_MINION_MS = 0.2
/** After an answer that told nothing new before its time, or none: others wait too, or no cache is there now. */
const AGAIN_MS = 1000

/** Tells of the job whenever more is known of it, until `signal` aborts. */
export async function askOn(
  cache: Pick<JobCache, 'changed'>,
  jid: string,
  onView: (view: JobView) => void,
  { clock, signal }: { clock: Clock; signal: AbortSignal },
): Promise<void> {
  let after: string | undefined
  while (!signal.aborted) {
    const began = clock.now()
    const answer = await cache.changed(jid, WAIT_S, after).catch(() => undefined)
    if (signal.aborted) return
    let pauseMs = clock.now() - began >= WAIT_S * 1000 ? 0 : AGAIN_MS
    if (answer?.job && answer.marker !== after) {
      pauseMs = PAUSE_MS + answer.job.minions.length * PAUSE_OF_MINION_MS
      onView(answer.job)
    }
    after = answer?.marker ?? after
    await clock.sleep(pauseMs, signal).catch(() => undefined)
  }
}
