// Targets: which of the known minions a job is for. Glob and list; the other types of Salt come with their own issue.
import { ReactorError } from '../base/errors.ts'
import { didYouMean } from '../base/suggest.ts'
import { createFnmatch } from './fnmatch.ts'

export const TARGET_TYPES = ['glob', 'list'] as const
export type TargetType = (typeof TARGET_TYPES)[number]

export interface Resolved {
  /** Known minions that match, sorted. */
  minions: string[]
  /** Ids that a list names and nobody knows. */
  missing: string[]
}

/** Throws `bad_argument` on an unknown type or a target that does not fit its type. */
export function resolveTarget(tgt: string | string[], type: string, known: Iterable<string>): Resolved {
  if (type === 'list') {
    const wanted = new Set((Array.isArray(tgt) ? tgt : tgt.split(',')).map(id => id.trim()).filter(Boolean))
    const all = new Set(known)
    return {
      minions: [...wanted].filter(id => all.has(id)).sort(),
      missing: [...wanted].filter(id => !all.has(id)).sort(),
    }
  }
  if (type !== 'glob') {
    throw new ReactorError(
      'bad_argument',
      `target type '${type}' is not one of ${TARGET_TYPES.join(', ')}.${didYouMean(type, TARGET_TYPES)}`,
    )
  }
  if (typeof tgt !== 'string' || tgt === '') {
    throw new ReactorError(
      'bad_argument',
      `a glob target is a non-empty text, got ${JSON.stringify(tgt)}; a list of ids needs tgt_type list`,
    )
  }
  const matches = createFnmatch(tgt)
  return { minions: [...known].filter(id => id === tgt || matches(id)).sort(), missing: [] }
}
