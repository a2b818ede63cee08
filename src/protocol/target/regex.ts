// Regular expressions of targets: Python's re.match (bound to the beginning, open at the end) on RE2, whose time is linear
// in the text, so that no pattern can make it backtrack. What RE2 cannot do is refused by name.
import { RE2JS } from 're2js'
import { cleanText } from '../../base/clean.ts'
import { errorMessage } from '../../base/errors.ts'
import { badTarget, show } from './problem.ts'
import { MAX_PATTERN } from './types.ts'

/** Instructions of a compiled pattern; an alternation of 300 host names has about 5,000. */
const MAX_PROGRAM = 10_000

const HINTS: readonly (readonly [RegExp, string])[] = [
  [/\(\?<?[=!]/, "look-ahead and look-behind are not supported: say it with 'not' in a compound target"],
  [/\\[1-9]|\(\?P=/, 'back-references are not supported: write the alternatives out'],
  [/\(\?[a-zA-Z]*[auLx]/, 'of the inline flags only i, m and s are supported'],
  [/\(\?[#>(]/, 'comments, atomic groups and conditions are not supported'],
]

/** Throws `bad_argument` on a pattern that is malformed, too large, or needs what RE2 has not. */
export function compileRegex(pattern: string, options: { ignoreCase?: boolean } = {}): (text: string) => boolean {
  if (pattern.length > MAX_PATTERN)
    throw badTarget(`the regular expression ${show(pattern)} has ${pattern.length} characters, at most ${MAX_PATTERN}`)
  const translated = translate(pattern)
  const flags = options.ignoreCase ? RE2JS.CASE_INSENSITIVE : 0
  let regex: RE2JS
  try {
    // Alone first: `a)|(?:b` is no pattern, but would be one between the parentheses that bind it.
    const size = RE2JS.compile(translated, flags).programSize()
    if (size > MAX_PROGRAM)
      throw new Error(`its repeats make ${size} instructions of it, at most ${MAX_PROGRAM} are allowed`)
    regex = RE2JS.compile(`\\A(?:${translated})`, flags)
  } catch (error) {
    const hint = HINTS.find(([mark]) => mark.test(pattern))?.[1]
    const reason = cleanText(
      errorMessage(error)
        .replace(/^error parsing regexp: /, '')
        .slice(0, 200),
    )
    throw badTarget(`the regular expression ${show(pattern)} cannot be used: ${hint ?? reason}`, {}, error)
  }
  return text => regex.test(text)
}

/** Escapes that Python has and RE2 writes otherwise: `\Z`, `\u263a`, `\U0001f600`. */
export const translate = (pattern: string): string =>
  pattern.replace(/\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|[\s\S])/g, (whole, short?: string, long?: string) => {
    if (whole === '\\Z') return '\\z'
    if (short !== undefined) return `\\x{${short}}`
    return long !== undefined ? `\\x{${long}}` : whole
  })
