// Regular expressions of a minion's config and pillar, as Python writes them: bounded, so that none makes the minion hang.
import { z } from 'zod'
import { errorMessage, ReactorError } from '../base/errors.ts'
import { pythonRegex } from './files/python-regex.ts'

const MAX_PATTERN = 2000
/** An alternation of 300 host names has about 5,000. */
const MAX_SIZE = 10_000

/** As Python's re.match (from the beginning on), re.search (anywhere) and re.fullmatch. */
export type How = 'match' | 'search' | 'fullmatch'

/** For `transform` of a schema: what `read` throws is what is wrong with the option. */
export const readAs =
  <I, O>(read: (given: I) => O) =>
  (given: I, context: z.RefinementCtx): O => {
    try {
      return read(given)
    } catch (error) {
      context.addIssue({ code: 'custom', message: errorMessage(error) })
      return z.NEVER
    }
  }

/** Throws `bad_config` on a pattern that is malformed, too large, or needs what RE2 has not. */
export function configuredPattern(pattern: string, how: How): (text: string) => boolean {
  const refuse = (why: string, cause?: unknown) => new ReactorError('bad_config', why, {}, cause)
  if (pattern.length > MAX_PATTERN)
    throw refuse(`the regular expression has ${pattern.length} characters, at most ${MAX_PATTERN}`)
  try {
    // Before it is compiled, which by itself can take a minute.
    const size = sizeOf(pattern)
    if (size > MAX_SIZE)
      throw new Error(`the repeats of '${pattern.slice(0, 100)}' make about ${size} signs of it, at most ${MAX_SIZE}`)
    // Alone first: `a)|(?:b` is no pattern, but would be one between the parentheses that bind it.
    pythonRegex(pattern, 0)
    return pythonRegex(bound(pattern, how), 0).test
  } catch (error) {
    throw refuse(errorMessage(error), error)
  }
}

/** Escapes, classes as a whole, repeats, single signs. */
const PARTS = /\\[\s\S]|\[\^?\]?(?:\\[\s\S]|[^\]\\])*\]|\{(\d*),?(\d*)\}|[\s\S]/g

/** How many signs it has with its repeats written out, as RE2 does it. */
function sizeOf(pattern: string): number {
  const groups = [0]
  let last = 0
  const add = (size: number) => {
    groups.push(groups.pop()! + size)
  }
  for (const [part, least, most] of pattern.matchAll(PARTS)) {
    if (part === '(') {
      groups.push(1)
    } else if (part === ')' && groups.length > 1) {
      last = groups.pop()! + 1
      add(last)
    } else if (least !== undefined) {
      const times = Math.max(Number(least), Number(most), 1)
      add(last * (times - 1))
      last *= times
    } else {
      last = 1
      add(last)
    }
  }
  return groups.reduce((sum, size) => sum + size)
}

function bound(pattern: string, how: How): string {
  if (how === 'search') return pattern
  return how === 'match' ? `\\A(?:${pattern})` : `\\A(?:${pattern})\\Z`
}
