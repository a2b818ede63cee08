// What `jobs.retry` runs again, and where. Pure.
import { ReactorError } from '../base/errors.ts'
import { isObject } from '../base/json.ts'
import { REDACTED } from '../base/redact.ts'
import { createFnmatch } from '../protocol/fnmatch.ts'
import type { JobRecord } from '../protocol/job.ts'
import type { JobSummary, JobView } from '../protocol/job-view.ts'
import { type Returning, returningOf } from '../protocol/returning.ts'
import { splitArgs } from '../protocol/salt-args.ts'
import { everyArgument, type ValuePath } from '../protocol/trust.ts'
import { closedMinions, countsText } from './job.ts'

/** Those that are to run it again: of the closed ones those that did not return well, or all; and of these, those named. */
function minionsToRetry(
  job: JobView,
  { globs, onlyFailed, nowMs }: { globs: readonly string[]; onlyFailed: boolean; nowMs: number },
): string[] {
  const named = globs.map(createFnmatch)
  return closedMinions(job, nowMs)
    .filter(id => !onlyFailed || job.states[id] !== 'returned')
    .filter(id => named.length === 0 || globs.includes(id) || named.some(matches => matches(id)))
}

/** Those of the globs and ids that mean none of the job's minions. */
const strangersTo = (job: JobSummary, globs: readonly string[]): string[] =>
  globs.filter(glob => !job.minions.some(id => id === glob || createFnmatch(glob)(id)))

/**
 * Where a job is to run again, or in `comment` why nowhere: it may still run there, or has returned well. Throws
 * `bad_argument` on a name that is none of its minions.
 */
export function planRetry(
  job: JobView,
  choice: { globs: readonly string[]; onlyFailed: boolean; nowMs: number },
): { minions: string[]; comment: string } {
  const { globs } = choice
  const strangers = strangersTo(job, globs)
  if (strangers.length > 0) {
    const more = job.minions.length > 5 ? ` and ${job.minions.length - 5} more` : ''
    const were = `${job.minions.slice(0, 5).join(', ')}${more}`
    throw new ReactorError('bad_argument', `job ${job.jid} was not for ${strangers.join(', ')}: it was for ${were}`)
  }
  const minions = minionsToRetry(job, choice)
  const among = globs.length > 0 ? ` among ${globs.join(', ')}` : ''
  return {
    minions,
    comment: minions.length > 0 ? `retries ${job.jid}` : `nothing to retry${among}: ${countsText(job.counts)}`,
  }
}

/**
 * The arguments as they were given, from the job's record while it is kept, and its returners; the cache has the arguments
 * without secrets, and the returners without the settings that the job brought along for them.
 * Throws `function_failed` where a secret, or such a setting, is gone.
 */
export function argumentsOf(
  job: JobView,
  record: JobRecord | undefined,
): { arg: unknown[]; kwarg: Record<string, unknown>; untrusted?: ValuePath[] } & Returning {
  if (record) {
    const { arg, kwarg, untrusted } = record
    return { arg, kwarg, ...(untrusted ? { untrusted } : {}), ...returningOf(record) }
  }
  if (holdsRedacted(job.arg)) {
    throw new ReactorError(
      'function_failed',
      `job ${job.jid} cannot be retried: its arguments held secrets, which the job cache does not keep; start ${job.fun} anew with them`,
    )
  }
  if (job.ret_kwargs) {
    throw new ReactorError(
      'function_failed',
      `job ${job.jid} cannot be retried: it had settings of its own for its returners (ret_kwargs: ${Object.keys(job.ret_kwargs).join(', ')}), which the job cache does not keep; start ${job.fun} anew with them`,
    )
  }
  const given = { ...splitArgs(job.arg), ...returningOf(job) }
  // The cache does not tell which of a rule's values an event filled.
  return /^(?:rule|peer):/.test(job.user) ? { ...given, untrusted: everyArgument(given.arg, given.kwarg) } : given
}

function holdsRedacted(value: unknown): boolean {
  if (value === REDACTED) return true
  if (Array.isArray(value)) return value.some(holdsRedacted)
  return isObject(value) && Object.values(value).some(holdsRedacted)
}
