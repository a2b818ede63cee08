// What `jobs.kill` asks of which minions. Pure.
import { constants } from 'node:os'
import { ReactorError } from '../base/errors.ts'
import type { Gathered } from '../functions/context.ts'
import type { JobRecord } from '../protocol/job.ts'
import type { JobView } from '../protocol/job-view.ts'
import { closedMinions } from './retry.ts'

/** The minions on which a job may wait or run, sorted. Of a job that the cache does not have yet, all. */
export function killMinions(job: JobView | JobRecord, nowMs: number): string[] {
  if (!('states' in job)) return [...(job.minions ?? [])].sort()
  const closed = new Set(closedMinions(job, nowMs))
  return job.minions.filter(id => !closed.has(id)).sort()
}

/** What happened on each, in words where nothing came back. */
export function killAnswers(
  minions: readonly string[],
  gathered: Pick<Gathered, 'returns' | 'refused' | 'silent'>,
  seconds: number,
): Record<string, unknown> {
  const { refused } = gathered
  const silent = new Set(gathered.silent)
  return Object.fromEntries(
    minions.map(id => {
      const returned = Object.hasOwn(gathered.returns, id) ? gathered.returns[id] : undefined
      if (returned) return [id, returned.return]
      if (Object.hasOwn(refused, id)) return [id, `not reached: ${refused[id]}`]
      if (silent.has(id)) return [id, `no answer within ${seconds} seconds`]
      return [id, 'not reached: the minion is offline; the job starts there if it is back before its deadline']
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

function signalNumber(signal: string | number): number {
  const known: Readonly<Record<string, number>> = constants.signals
  const text = String(signal).toUpperCase()
  const name = text.startsWith('SIG') ? text : `SIG${text}`
  const number = Object.hasOwn(known, name) ? known[name]! : Number(text)
  if (Object.values(known).includes(number)) return number
  throw new ReactorError('bad_argument', `'${signal}' is not a signal: write its number or name, such as 15 or TERM`)
}
