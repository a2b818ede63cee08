// Regular expressions in templates: Python's on RE2, whose time is linear in the text, so that no pattern can make it hang.
import { RE2JS } from 're2js'
import { errorMessage } from '../base/errors.ts'
import { translate } from '../protocol/target/regex.ts'
import { type Callable, type Context, filter, flag } from './callable.ts'
import { asText, textOf } from './text.ts'
import { failure, tuple, type Value } from './values.ts'

const MAX_PATTERN = 2_000
/** Instructions of a compiled pattern. */
const MAX_PROGRAM = 10_000
const MOST_KEPT = 500
const kept = new Map<string, RE2JS>()

function compile(pattern: string, flags: number): RE2JS {
  const key = `${flags} ${pattern}`
  const before = kept.get(key)
  if (before) return before
  if (pattern.length > MAX_PATTERN) throw failure(`a regular expression has at most ${MAX_PATTERN} characters`)
  const regex = compileNew(pattern, flags)
  if (kept.size >= MOST_KEPT) kept.clear()
  kept.set(key, regex)
  return regex
}

function compileNew(pattern: string, flags: number): RE2JS {
  let regex: RE2JS
  try {
    regex = RE2JS.compile(translate(pattern), flags)
  } catch (error) {
    const reason = errorMessage(error).replace(/^error parsing regexp: /, '')
    const hint = /\(\?<?[=!]|\\[1-9]/.test(pattern)
      ? ' (there is no looking ahead or behind, and no reference back)'
      : ''
    throw failure(`the regular expression '${pattern}' cannot be used: ${reason}${hint}`)
  }
  if (regex.programSize() <= MAX_PROGRAM) return regex
  throw failure(`the regular expression '${pattern}' is too large: its repeats are written out inside`)
}

type Matcher = ReturnType<RE2JS['matcher']>

function matcherOf(text: string, pattern: Value, ignoreCase: Value, multiline: Value, c: Context): Matcher {
  const flags = (flag(ignoreCase) ? RE2JS.CASE_INSENSITIVE : 0) | (flag(multiline) ? RE2JS.MULTILINE : 0)
  const regex = compile(textOf(pattern, 'the regular expression'), flags)
  c.budget.spend(1 + Math.ceil((text.length * (50 + regex.programSize())) / 50))
  return regex.matcher(text)
}

const groups = (match: Matcher): Value[] =>
  tuple(Array.from({ length: match.groupCount() }, (_, i) => match.group(i + 1) ?? null))

const search = (fits: (match: Matcher) => boolean): Callable =>
  filter(['rgx', 'ignorecase?', 'multiline?'], (value, [pattern, ignoreCase, multiline], c) => {
    const match = matcherOf(asText(value, c), pattern, ignoreCase, multiline, c)
    return fits(match) ? groups(match) : null
  })

/** `\1`, `\g<1>` and `\g<name>` in what takes the place of a match. */
function expand(by: string, match: Matcher): string {
  return by.replace(/\\(?:(\d{1,2})|g<(\w+)>|([\s\S]))/g, (_all, index?: string, name?: string, other?: string) => {
    if (other !== undefined) return ESCAPES[other] ?? `\\${other}`
    const group = index ?? name!
    try {
      return (/^\d+$/.test(group) ? match.group(Number(group)) : match.group(group)) ?? ''
    } catch {
      throw failure(`the regular expression has no group '${group}'`)
    }
  })
}
const ESCAPES: Record<string, string> = { n: '\n', t: '\t', r: '\r', '\\': '\\' }

function replaceAll(text: string, match: Matcher, by: string, c: Context): string {
  const parts: string[] = []
  let at = 0
  while (match.find()) {
    const put = text.slice(at, match.start()) + expand(by, match)
    c.budget.spend(1, put.length)
    parts.push(put)
    at = match.end()
  }
  return parts.join('') + text.slice(at)
}

export const REGEX_FILTERS: Readonly<Record<string, Callable>> = {
  regex_search: search(match => match.find()),
  regex_match: search(match => match.lookingAt()),
  regex_replace: filter(
    ['rgx', 'val', 'ignorecase?', 'multiline?'],
    (value, [pattern, by, ignoreCase, multiline], c) => {
      const text = asText(value, c)
      return replaceAll(text, matcherOf(text, pattern, ignoreCase, multiline, c), textOf(by, 'val'), c)
    },
  ),
  regex_escape: filter([], (value, _args, c) =>
    asText(value, c).replace(/[()[\]{}?*+\-|^$\\.&~# \t\n\r\v\f]/g, '\\$&'),
  ),
}

/** The test `match`. */
export const matches: Callable<boolean> = {
  params: ['rgx', 'ignorecase?', 'multiline?'],
  run: (value, [pattern, ignoreCase, multiline], c) =>
    matcherOf(asText(value, c), pattern, ignoreCase, multiline, c).lookingAt(),
}
