// What a search for jobs looks at one job after another, whatever keeps them. Pure.
import { isObject } from '../base/json.ts'
import { createFnmatch } from '../protocol/fnmatch.ts'
import type { JobsRequest } from '../protocol/job-view.ts'

/** A job as searches see it; what few of them ask for is read when it is. */
export interface Fitting {
  fun: string
  user: string | undefined
  tgt(): unknown
  metadata(): unknown
}

export function createFits({ fun, tgt, user, metadata }: JobsRequest): (job: Fitting) => boolean {
  const funs = listed(fun).map(createFnmatch)
  const targets = listed(tgt).map(createFnmatch)
  return job => {
    if (user !== undefined && job.user !== user) return false
    if (funs.length > 0 && !funs.some(matches => matches(job.fun))) return false
    if (targets.length > 0) {
      const written = job.tgt()
      const texts = Array.isArray(written) ? [...written, written.join(',')] : [written]
      if (!texts.some(text => targets.some(matches => matches(String(text))))) return false
    }
    return metadata === undefined || holds(job.metadata(), metadata)
  }
}

/** Whether the value has everything that is wanted; of maps that is every pair. */
function holds(value: unknown, wanted: unknown): boolean {
  if (isObject(wanted))
    return (
      isObject(value) &&
      Object.entries(wanted).every(([key, inner]) => Object.hasOwn(value, key) && holds(value[key], inner))
    )
  if (Array.isArray(wanted))
    return (
      Array.isArray(value) && value.length === wanted.length && wanted.every((inner, at) => holds(value[at], inner))
    )
  return value === wanted
}

export function listed<T>(value: T | T[] | undefined): T[] {
  if (value === undefined) return []
  return Array.isArray(value) ? value : [value]
}
