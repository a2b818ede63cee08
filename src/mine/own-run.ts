// A function that the minion runs for itself: no job that anybody asked for, and nobody hears of its return.
import { constants } from 'node:os'
import { ReactorError } from '../base/errors.ts'
import { runJob, type Surroundings } from '../minion/run.ts'
import { createJidSource } from '../protocol/jid.ts'
import type { RunFunction } from './updater.ts'

/** Who runs it, and for whom: functions see it as their job's user. */
const USER = 'minion'
const STOPPED = { words: 'the minion stops', retcode: 143, signal: constants.signals.SIGTERM }

/** However short the interval is, a function gets this much. */
const LEAST_LIMIT_MS = 60_000

/** What runs for longer than `limitMs`, a minute at least, is ended, as is what runs when the signal aborts. */
export function createOwnRun(around: Surroundings, limitMs: number): RunFunction {
  const newJid = createJidSource(around.now)
  return async (fun, arg, kwarg, signal) => {
    const jid = newJid()
    const now = around.now()
    const times = { deadline: now, run_until: now + Math.max(LEAST_LIMIT_MS, limitMs) }
    const job = { jid, key: jid, fun, arg, kwarg, user: USER, tgt: around.id, tgt_type: 'list', hops: 0, ...times }
    const run = runJob(around, job, () => undefined)
    const stop = () => run.end(STOPPED)
    signal.addEventListener('abort', stop, { once: true })
    const returned = await run.done.finally(() => signal.removeEventListener('abort', stop))
    if (!returned.success) throw new ReactorError('function_failed', String(returned.return))
  }
}
