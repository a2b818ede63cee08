// Which tags are shown: globs as in rules, several mean any of them, `!glob` excludes.
import { errorMessage, ReactorError } from '../base/errors.ts'
import type { Event } from '../protocol/event.ts'
import { tagToTokens } from '../protocol/tag.ts'
import { isExclusion } from '../reactor/rules/glob.ts'
import { createGlobIndex } from '../reactor/rules/glob-index.ts'

export interface TagFilter {
  tag(tag: string): boolean
  /** The tag's tokens in a subject, from character `from` on. */
  subject(subject: string, from: number): boolean
}

/** No globs at all, or only excluding ones, mean every (other) tag. Throws `usage` on a bad glob. */
export function createTagFilter(globs: readonly string[]): TagFilter {
  const includes = !globs.every(isExclusion)
  const on = includes ? globs : ['**', ...globs]
  try {
    const index = createGlobIndex([{ on, value: true }])
    return {
      tag: tag => index.matchSubject(tagToTokens(tag.toWellFormed()), 0).length > 0,
      subject: (subject, from) => index.matchSubject(subject, from).length > 0,
    }
  } catch (error) {
    throw new ReactorError('usage', `a glob is not understood: ${errorMessage(error)}`)
  }
}

/** The record of something that was asked for and done, or of several, as those of rules are. */
export const isAllowedAudit = ({ tag, data }: Pick<Event, 'tag' | 'data'>): boolean =>
  tag.startsWith('salt/audit/') && (Array.isArray(data.records) ? data.records.every(isOk) : isOk(data))

const isOk = (record: unknown): boolean =>
  typeof record === 'object' && record !== null && 'result' in record && record.result === 'ok'
