// One stage of making or taking away a machine: bounded in time, and ended when whoever asked has gone, whatever a driver does.
import { setTimeout as delay } from 'node:timers/promises'
import { formatDuration } from '../base/duration.ts'
import { ReactorError } from '../base/errors.ts'

export type Stage = 'requesting' | 'querying' | 'waiting_for_ssh' | 'deploying' | 'destroying'

/** What a driver has still to do when it was told to end. */
const GRACE_MS = 3000

/**
 * What `work` gives. Rejects with the failure of `work`, with `timeout`, or with the signal's reason; not before `work` has
 * ended, unless that takes longer than a moment: `late` hears what it gives then.
 */
export async function runStage<T>(
  { stage, ms, signal, late }: { stage: Stage; ms: number; signal: AbortSignal; late?(value: T): void },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted()
  const ended = new AbortController()
  const told = AbortSignal.any([signal, ended.signal])
  const timer = setTimeout(
    () => ended.abort(new ReactorError('timeout', `it took longer than ${formatDuration(ms)}`)),
    ms,
  )
  const running = (async () => work(told))()
  const settled = running.then(
    () => undefined,
    () => undefined,
  )
  const givenUp = new Promise<never>((_, reject) => {
    const end = () =>
      void Promise.race([settled, delay(GRACE_MS, undefined, { ref: false })]).then(() => reject(told.reason))
    told.addEventListener('abort', end, { once: true })
  })
  givenUp.catch(() => undefined)
  try {
    const value = await Promise.race([running, givenUp])
    told.throwIfAborted()
    return value
  } catch (error) {
    if (!told.aborted) throw error
    if (late) running.then(late, () => undefined)
    throw told.reason
  } finally {
    clearTimeout(timer)
    // What a driver has left running ends too.
    ended.abort(new ReactorError('stopped', `${stage} has ended`))
  }
}

/** Asks again and again until the answer is not undefined. */
export async function until<T>(ask: () => Promise<T | undefined>, pollMs: number, signal: AbortSignal): Promise<T> {
  for (;;) {
    signal.throwIfAborted()
    const answer = await ask()
    if (answer !== undefined) return answer
    await delay(pollMs, undefined, { signal, ref: false }).catch(() => undefined)
  }
}
