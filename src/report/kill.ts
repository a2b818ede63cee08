// What `jobs.kill` asks of which minions. Pure.
import { constants } from 'node:os'
import { ReactorError } from '../base/errors.ts'
import { signalNumber } from '../base/signals.ts'
import type { Gathered } from '../functions/context.ts'
import type { JobRecord } from '../protocol/job.ts'
import type { JobView } from '../protocol/job-view.ts'
import { busyMinions, countsText, openMinions } from './job.ts'

/**
 * The minions on which a job may wait or run, sorted; of a job that the cache does not have yet, all. Throws
 * `function_failed` where there is none.
 */
export function killMinions(job: JobView | JobRecord, nowMs: number): string[] {
  const cached = 'states' in job
  const minions = cached ? openMinions(job, nowMs) : [...(job.minions ?? [])].sort()
  if (minions.length > 0) return minions
  const counts = cached ? ` (${countsText(job.counts)})` : ''
  throw new ReactorError('function_failed', `job ${job.jid} has ended on all its minions${counts}: nothing to end`)
}

const NOT_THERE = 'the minion is offline; the job does not start there any more'
const GOES_ON = 'not reached: the minion is offline, and the job may go on there'
const MAYBE_LATER = 'not reached: the minion is offline; the job starts there if it is back before its deadline'

/** Whether the signal ends a job; others are only sent to what runs. */
export const isEnding = (fun: string): boolean => fun !== 'saltutil.signal_job'

/** What happened on each, in words where nothing came back. `forgotten`: who was away does not get the job any more. */
export function killAnswers(
  minions: readonly string[],
  gathered: Pick<Gathered, 'returns' | 'refused' | 'silent'>,
  { seconds, forgotten, job }: { seconds: number; forgotten: boolean; job: JobView | JobRecord },
): Record<string, unknown> {
  const { refused } = gathered
  const silent = new Set(gathered.silent)
  // As far as the cache knows.
  const took = new Set('states' in job ? busyMinions(job) : [])
  return Object.fromEntries(
    minions.map(id => {
      const returned = Object.hasOwn(gathered.returns, id) ? gathered.returns[id] : undefined
      if (returned) return [id, returned.return]
      if (Object.hasOwn(refused, id)) return [id, `not reached: ${refused[id]}`]
      if (silent.has(id)) return [id, `no answer within ${seconds} seconds`]
      return [id, took.has(id) ? GOES_ON : forgotten ? NOT_THERE : MAYBE_LATER]
    }),
  )
}

/** The function of `saltutil` that sends the signal. Throws `bad_argument` on a signal that there is not. */
export function killRequest(jid: string, signal: string | number): { fun: string; arg: unknown[] } {
  const number = signalNumber(signal)
  if (number === constants.signals.SIGKILL) return { fun: 'saltutil.kill_job', arg: [jid] }
  if (number === constants.signals.SIGTERM) return { fun: 'saltutil.term_job', arg: [jid] }
  return { fun: 'saltutil.signal_job', arg: [jid, number] }
}
