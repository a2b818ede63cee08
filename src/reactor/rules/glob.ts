// A glob as a rule file writes it, taken apart once: braces expanded, segments split, literals escaped as on the wire.
// The meaning is micromatch's with `dot: true`, but an empty segment is matched by `*` and `**`.
import micromatch from 'micromatch'
import { ReactorError } from '../../base/errors.ts'
import { matchPieces, type Piece, parsePieces } from '../../protocol/glob-segment.ts'
import { escapeToken } from '../../protocol/token.ts'

export type Segment =
  | { kind: 'literal'; token: string }
  | { kind: 'star' }
  | { kind: 'globstar' }
  | { kind: 'pattern'; source: string; prefix: string; matches(segment: string): boolean }

/** One alternative of a glob; `whole` is there when an extglob holds a `/`, and then tests the tag behind `segments`. */
export interface GlobBranch {
  segments: Segment[]
  whole?: { source: string; matches(tag: string): boolean }
}

const MAX_BRANCHES = 1000
const MAX_LENGTH = 1000
const MAGIC = /[*?[\\]|[+@!]\(/

/** Tells `!glob` from `!(a|b)`, which is a group that includes. */
export const isExclusion = (glob: string): boolean => glob.startsWith('!') && glob[1] !== '('

/** Splits `"!glob"` entries from the others. Throws `bad_rule` when nothing would ever be included. */
export function splitGlobs(on: readonly string[]): { include: string[]; exclude: string[] } {
  const include = on.filter(glob => !isExclusion(glob))
  if (include.length === 0)
    throw new ReactorError('bad_rule', "'on' only excludes: add a glob that includes, for example '**'")
  return { include, exclude: on.filter(isExclusion).map(glob => glob.slice(1)) }
}

/** The branches of one glob (without its leading `!`). Throws `bad_rule` naming what is wrong with it. */
export function parseGlob(glob: string): GlobBranch[] {
  if (glob === '') throw new ReactorError('bad_rule', "a glob is empty: write a tag pattern, for example 'salt/auth'")
  if (glob.length > MAX_LENGTH)
    throw new ReactorError('bad_rule', `a glob of ${glob.length} characters is longer than ${MAX_LENGTH}`)
  if (glob.includes('{{'))
    throw new ReactorError('bad_rule', `'${glob}': a glob is matched as it stands, templates have no place in it`)
  if (isExclusion(glob)) throw new ReactorError('bad_rule', `'!${glob}' is negated twice: write it once or not at all`)
  return expandBraces(glob).flatMap(parseBranches)
}

function parseBranches(glob: string): GlobBranch[] {
  const parts = splitSegments(glob).filter((part, index, all) => part !== '**' || all[index - 1] !== '**')
  // micromatch lets a `**` stand for the end of the tag too, where all behind it may be empty: `a/**/?(b)` matches `a`.
  const ends = parts.flatMap((part, at) => (part === '**' && at > 0 && mayBeEmpty(parts.slice(at + 1)) ? [at] : []))
  return [parts, ...ends.map(at => parts.slice(0, at))].map(each => parseBranch(glob, each))
}

/** Groups that may be, with a `**` between any two; a segment that begins with `*` wants a character. */
function mayBeEmpty(parts: readonly string[]): boolean {
  const mayVanish = (part: string) => !/^($|\*(?!\())/.test(part) && matchPieces(parsePieces(part), '')
  return parts.length > 0 && parts.every((part, at) => (at % 2 === 1 ? part === '**' : mayVanish(part)))
}

function parseBranch(glob: string, all: readonly string[]): GlobBranch {
  const parts = [...all]
  // micromatch lets `a/**` match `a`, but wants one more segment after a `*`: `*/**` does not match `a`.
  if (parts.length > 1 && parts.at(-1) === '**' && /(?<!\\)\*$/.test(parts.at(-2)!)) parts.splice(-1, 0, '*')
  const segments: Segment[] = []
  for (const [index, part] of parts.entries()) {
    const pieces = part === '**' ? [] : parsePieces(part)
    if (part !== '**' && groupHoldsSlash(pieces)) {
      const wholePieces = parts.slice(index).flatMap(wholeSegment)
      return { segments, whole: { source: glob, matches: tag => matchPieces(wholePieces, tag) } }
    }
    segments.push(toSegment(part, pieces))
  }
  return { segments }
}

function toSegment(part: string, pieces: Piece[]): Segment {
  if (part === '**') return { kind: 'globstar' }
  if (!MAGIC.test(part)) return { kind: 'literal', token: escapeToken(part) }
  if (pieces.length === 1 && pieces[0]!.kind === 'star') return { kind: 'star' }
  const text = literalText(pieces)
  if (text.length === pieces.length) return { kind: 'literal', token: escapeToken(text) }
  const prefix = text === '' ? '' : escapeToken(text)
  const [last] = pieces.slice(-1)
  if (text.length === pieces.length - 1 && last!.kind === 'star')
    return { kind: 'pattern', source: part, prefix, matches: segment => segment.startsWith(text) }
  return { kind: 'pattern', source: part, prefix, matches: segment => matchPieces(pieces, segment) }
}

/** The characters that every match begins with. */
function literalText(pieces: readonly Piece[]): string {
  let text = ''
  for (const piece of pieces) {
    if (piece.kind !== 'char') break
    text += String.fromCharCode(piece.code)
  }
  // A surrogate pair must not be cut, for its halves have no bytes of their own on the wire.
  return /[\uD800-\uDBFF]$/.test(text) ? text.slice(0, -1) : text
}

function wholeSegment(part: string, index: number, parts: readonly string[]): Piece[] {
  const slash: Piece = { kind: 'char', code: 47 }
  const before: Piece[] = index > 0 && parts[index - 1] !== '**' ? [slash] : []
  if (part !== '**') return [...before, ...parsePieces(part)]
  const deep: Piece = { kind: 'deep' }
  const last = index === parts.length - 1
  const choice: Piece[][] = last ? [[], [...before, deep]] : [before, [...before, deep, slash]]
  return [{ kind: 'group', op: '@', alternatives: choice }]
}

function groupHoldsSlash(pieces: readonly Piece[]): boolean {
  const holdsSlash = (piece: Piece): boolean =>
    piece.kind === 'char' ? piece.code === 47 : piece.kind === 'group' && piece.alternatives.flat().some(holdsSlash)
  return pieces.some(piece => piece.kind === 'group' && holdsSlash(piece))
}

/** Splits at `/` outside of brackets and groups. */
function splitSegments(glob: string): string[] {
  const parts: string[] = []
  let depth = 0
  let start = 0
  for (let at = 0; at < glob.length; at++) {
    const char = glob[at]!
    if (char === '\\') at++
    else if (char === '[') at = classEnd(glob, at)
    else if ('?*+@!'.includes(char) && glob[at + 1] === '(') {
      depth++
      at++
    } else if (char === ')' && depth > 0) depth--
    else if (char === '/' && depth === 0) {
      parts.push(glob.slice(start, at))
      start = at + 1
    }
  }
  parts.push(glob.slice(start))
  return parts
}

function classEnd(glob: string, open: number): number {
  const first = glob[open + 1] === '!' || glob[open + 1] === '^' ? open + 2 : open + 1
  const close = glob.indexOf(']', first + 1)
  if (close < 0) throw new ReactorError('bad_rule', `'${glob}' opens a '[' that is never closed`)
  return close
}

/** `a{b,c}` to `ab`, `ac`; `{1..3}` to its numbers; nested ones too. */
function expandBraces(glob: string): string[] {
  const tooMany = () =>
    new ReactorError('bad_rule', `'${glob}' has braces that stand for more than ${MAX_BRANCHES} globs`)
  if (branchesAtMost(glob) > MAX_BRANCHES) throw tooMany()
  const branches = micromatch.braces(glob, { expand: true, keepEscaping: true } as object)
  if (branches.length > MAX_BRANCHES) throw tooMany()
  return [...new Set(branches)]
}

/**
 * A bound on what the braces stand for, known before they are expanded. Throws where one outside of a class is never
 * closed; the library would take it as a letter.
 */
function branchesAtMost(glob: string): number {
  const choices: number[] = []
  let bound = 1
  for (let at = 0; at < glob.length; at++) {
    const char = glob[at]!
    if (char === '\\') at++
    else if (char === '[') at = classEnd(glob, at)
    else if (char === '{') {
      choices.push(1)
      const range = /^\{(-?\d{1,9})\.\.(-?\d{1,9})\}/.exec(glob.slice(at))
      if (range) bound *= Math.abs(Number(range[2]) - Number(range[1])) + 1
    } else if (char === ',' && choices.length > 0) choices[choices.length - 1]! += 1
    else if (char === '}' && choices.length > 0) bound *= choices.pop()!
  }
  if (choices.length > 0) throw new ReactorError('bad_rule', `'${glob}' opens a '{' that is never closed`)
  return bound
}
