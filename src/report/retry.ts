// What `jobs.retry` runs again, and where. Pure.
import { ReactorError } from '../base/errors.ts'
import { isObject } from '../base/json.ts'
import { REDACTED } from '../base/redact.ts'
import { createFnmatch } from '../protocol/fnmatch.ts'
import type { JobRecord } from '../protocol/job.ts'
import type { JobSummary, JobView } from '../protocol/job-view.ts'
import { isClosed } from '../protocol/lifecycle.ts'

/** The minions with which a job is through, sorted: one that is away may still run it as long as its time to start lasts. */
export const closedMinions = (job: JobView, nowMs: number): string[] =>
  job.minions.filter(id => isClosed(job.states[id] ?? 'offline', nowMs > job.deadline)).sort()

/** Those that are to run it again: of the closed ones those that did not return well, or all; and of these, those named. */
export function minionsToRetry(
  job: JobView,
  { globs, onlyFailed, nowMs }: { globs: readonly string[]; onlyFailed: boolean; nowMs: number },
): string[] {
  const named = globs.map(createFnmatch)
  return closedMinions(job, nowMs)
    .filter(id => !onlyFailed || job.states[id] !== 'returned')
    .filter(id => named.length === 0 || globs.includes(id) || named.some(matches => matches(id)))
}

/** Those of the globs and ids that mean none of the job's minions. */
export const strangersTo = (job: JobSummary, globs: readonly string[]): string[] =>
  globs.filter(glob => !job.minions.some(id => id === glob || createFnmatch(glob)(id)))

/** `2 returned, 1 running` */
export const countsOf = (job: JobSummary): string =>
  Object.entries(job.counts)
    .map(([state, count]) => `${count} ${state.replace('_', ' ')}`)
    .join(', ') || 'no minions'

/**
 * The arguments as they were given, from the job's record while it is kept; the cache has them without secrets.
 * Throws `function_failed` where a secret is gone.
 */
export function argumentsOf(
  job: JobView,
  record: JobRecord | undefined,
): { arg: unknown[]; kwarg: Record<string, unknown> } {
  if (record) return { arg: record.arg, kwarg: record.kwarg }
  if (holdsRedacted(job.arg)) {
    throw new ReactorError(
      'function_failed',
      `job ${job.jid} cannot be retried: its arguments held secrets, which the job cache does not keep; start ${job.fun} anew with them`,
    )
  }
  const last = job.arg.at(-1)
  if (!isObject(last) || last.__kwarg__ !== true) return { arg: job.arg, kwarg: {} }
  const { __kwarg__: _mark, ...kwarg } = last
  return { arg: job.arg.slice(0, -1), kwarg }
}

function holdsRedacted(value: unknown): boolean {
  if (value === REDACTED) return true
  if (Array.isArray(value)) return value.some(holdsRedacted)
  return isObject(value) && Object.values(value).some(holdsRedacted)
}
