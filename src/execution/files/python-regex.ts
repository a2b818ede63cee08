// Patterns and replacements as Python's `re` writes them, on RE2, whose time is linear in the text: no pattern can make a state
// hang. As in Salt they are matched against bytes: `\w`, `\d`, `\s` and case are those of ASCII.
import { RE2JS } from 're2js'
import { errorMessage } from '../../base/errors.ts'
import { failure } from './result.ts'

export interface PythonRegex {
  test(text: string): boolean
  /** At most `count` times, 0: all. Throws a failure where the replacement names a group that there is not, found or not. */
  replace(text: string, count: number, replacement: Replacement): { text: string; replaced: number }
}

export interface Match {
  /** By number, 0 the whole of it, and by name; empty where the group took no part. */
  group(which: number | string): string
}

export interface Replacement {
  /** That it names. */
  groups: readonly (number | string)[]
  of(match: Match): string
}

const FLAGS: Readonly<Record<string, number>> = {
  I: 2,
  IGNORECASE: 2,
  M: 8,
  MULTILINE: 8,
  S: 16,
  DOTALL: 16,
  A: 256,
  ASCII: 256,
}
const IGNORECASE = 2
const MULTILINE = 8
const DOTALL = 16

const HINTS: readonly (readonly [RegExp, string])[] = [
  [/\(\?<?[=!]/, 'look-ahead and look-behind are not supported'],
  [/\\[1-9]|\(\?P=/, 'back-references in a pattern are not supported: write the alternatives out'],
  [/\(\?[a-zA-Z]*[auLx]/, 'of the inline flags only i, m and s are supported'],
  [/\(\?[#>(]/, 'comments, atomic groups and conditions are not supported'],
]

/** As a state gives them: a number, or names. Throws a failure that names the flag. */
export function flagsOf(flags: number | string | readonly (string | number)[]): number {
  if (typeof flags === 'number') {
    const other = flags & ~(IGNORECASE | MULTILINE | DOTALL | 256)
    if (other !== 0) throw failure(`Invalid re flag given: ${other}; supported are ${names()}`)
    return flags
  }
  return [flags].flat().reduce<number>((all, one) => {
    if (typeof one === 'number') return all | flagsOf(one)
    const flag = FLAGS[one.toUpperCase().replace(/^RE\./, '')]
    if (flag === undefined) throw failure(`Invalid re flag given: ${one}; supported are ${names()}`)
    return all | flag
  }, 0)
}

const names = () => 'IGNORECASE (2), MULTILINE (8), DOTALL (16)'

/** Throws a failure on a pattern that is malformed, or needs what RE2 has not. */
export function pythonRegex(pattern: string, flags: number): PythonRegex {
  const compiled = compile(pattern, flags)
  const groups = compiled.namedGroups() as Record<string, number>
  const hasEnd = !(flags & MULTILINE) && !/\(\?[a-z]*m/.test(pattern) && pattern.replace(PARTS, '').includes('$')
  return {
    test: text => compiled.test(text),
    replace(text, count, replacement) {
      // To Python it is also the place before a newline at the very end, for which RE2 has no sign.
      if (hasEnd && text.endsWith('\n'))
        throw failure(
          `The pattern ${JSON.stringify(pattern)} cannot be used: write \\n?\\Z in the place of $, or give the flag MULTILINE`,
        )
      const matcher = compiled.matcher(text)
      const numberOf = (which: number | string): number => {
        const index = typeof which === 'number' ? which : groups[which]
        if (index !== undefined && index <= matcher.groupCount()) return index
        throw failure(`The replacement names the group ${which}, which the pattern does not have`)
      }
      replacement.groups.forEach(numberOf)
      const out: string[] = []
      let [from, replaced] = [0, 0]
      while ((count === 0 || replaced < count) && matcher.find()) {
        const at = matcher.start()
        out.push(text.slice(from, at), replacement.of({ group: which => matcher.group(numberOf(which)) ?? '' }))
        from = matcher.end()
        replaced++
      }
      return { text: out.join('') + text.slice(from), replaced }
    },
  }
}

function compile(pattern: string, flags: number): RE2JS {
  let re2 = 0
  if (flags & IGNORECASE) re2 |= RE2JS.CASE_INSENSITIVE
  if (flags & MULTILINE) re2 |= RE2JS.MULTILINE
  if (flags & DOTALL) re2 |= RE2JS.DOTALL
  try {
    return RE2JS.compile(translate(pattern), re2)
  } catch (error) {
    const hint = HINTS.find(([mark]) => mark.test(pattern))?.[1]
    const reason = errorMessage(error).replace(/^error parsing regexp: /, '')
    throw failure(`The pattern ${JSON.stringify(pattern)} cannot be used: ${hint ?? reason}`)
  }
}

/** What Python writes otherwise than RE2: `\Z`, `\u263a`, `\U0001f600`, and `{,3}`, which RE2 would take for text. */
const translate = (pattern: string): string => pattern.replace(PARTS, part => translated(part))

/** Escapes, classes as a whole, and repetitions without a least number. */
const PARTS = /\\(?:u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[\s\S])|\[\^?\]?(?:\\[\s\S]|[^\]\\])*\]|\{,\d*\}/g

function translated(part: string): string {
  if (part === '\\Z') return '\\z'
  if (part.startsWith('{')) return `{0${part.slice(1)}`
  if (part.startsWith('[')) return part.replace(/\\(?:u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[\s\S])/g, translated)
  return /^\\[uU]./.test(part) ? `\\x{${part.slice(2)}}` : part
}

const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  f: '\f',
  v: '\v',
  a: '\x07',
  b: '\b',
  '\\': '\\',
}

/** What a replacement such as `\1=\g<name>\n` comes to. Throws a failure on an escape that Python does not know. */
export function pythonReplacement(text: string): Replacement {
  const parts: (string | { group: number | string })[] = []
  let from = 0
  // `\0` and three octal digits are a character; one or two digits are a group.
  for (const found of text.matchAll(/\\(?:g<([^>]*)>|(0[0-7]{0,2}|[1-3][0-7]{2})|([1-9]\d?)|([\s\S])|$)/g)) {
    const [whole, named, octal, numbered, escaped] = found
    parts.push(text.slice(from, found.index))
    from = found.index + whole.length
    if (named !== undefined) parts.push({ group: /^\d+$/.test(named) ? Number(named) : named })
    else if (octal !== undefined) parts.push(String.fromCharCode(Number.parseInt(octal, 8)))
    else if (numbered !== undefined) parts.push({ group: Number(numbered) })
    else if (escaped === undefined || (/[A-Za-z]/.test(escaped) && !(escaped in ESCAPES)))
      throw failure(`The replacement ${JSON.stringify(text)} has a bad escape ${whole}; write \\\\ for a backslash`)
    else parts.push(ESCAPES[escaped] ?? whole)
  }
  parts.push(text.slice(from))
  return {
    groups: parts.flatMap(part => (typeof part === 'string' ? [] : [part.group])),
    of: match => parts.map(part => (typeof part === 'string' ? part : match.group(part.group))).join(''),
  }
}
