// Which events `event_return` is about: globs over tags, as rules have them; the white list first, then without the black one.
import { errorMessage, ReactorError } from '../../base/errors.ts'
import { createGlobIndex } from '../../reactor/rules/glob-index.ts'

/** Whether the tag is wanted whose escaped tokens begin at that character of the subject. */
export type WantedTag = (subject: string, tokens: number) => boolean

export interface TagLists {
  event_return_whitelist: readonly string[]
  event_return_blacklist: readonly string[]
}

/** An empty white list is none. Throws `bad_config` with the list and what is wrong with its glob. */
export function createWantedTags(lists: TagLists): WantedTag {
  const index = (key: keyof TagLists) => {
    const globs = lists[key]
    if (globs.length === 0) return undefined
    try {
      const built = createGlobIndex([{ on: globs, value: true }])
      return (subject: string, tokens: number) => built.matchSubject(subject, tokens).length > 0
    } catch (error) {
      throw new ReactorError('bad_config', `${key}: ${errorMessage(error)}`, {}, error)
    }
  }
  const white = index('event_return_whitelist')
  const black = index('event_return_blacklist')
  return (subject, tokens) => white?.(subject, tokens) !== false && black?.(subject, tokens) !== true
}
