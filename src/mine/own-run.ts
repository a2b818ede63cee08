// A function that the minion runs for itself: no job that anybody asked for, and nobody hears of its return.
import { constants } from 'node:os'
import { ReactorError } from '../base/errors.ts'
import { createOwnJobs } from '../minion/own-job.ts'
import { runJob, type Surroundings } from '../minion/run.ts'
import type { RunFunction } from './updater.ts'

/** Who runs it, and for whom: functions see it as their job's user. */
const USER = 'minion'
const STOPPED = { words: 'the minion stops', retcode: 143, signal: constants.signals.SIGTERM }

/** However short the interval is, a function gets this much. */
const LEAST_LIMIT_MS = 60_000

/** What runs for longer than `limitMs`, a minute at least, is ended, as is what runs when the signal aborts. */
export function createOwnRun(around: Surroundings, limitMs: number): RunFunction {
  const newJob = createOwnJobs(around.id, around.now)
  return async (fun, arg, kwarg, signal) => {
    const job = newJob({ fun, arg, kwarg, user: USER }, Math.max(LEAST_LIMIT_MS, limitMs))
    const run = runJob(around, job, () => undefined)
    const stop = () => run.end(STOPPED)
    signal.addEventListener('abort', stop, { once: true })
    const returned = await run.done.finally(() => signal.removeEventListener('abort', stop))
    if (!returned.success) throw new ReactorError('function_failed', String(returned.return))
  }
}
