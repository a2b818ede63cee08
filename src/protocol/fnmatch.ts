// Salt's globs over a whole text (Python's fnmatch): `*`, `?`, `[seq]`, `[!seq]` cross everything, `/` included, and every
// other character is a letter: no braces, no groups, no escapes. A bracket that is never closed is a letter too.
import { matchPieces, type Piece } from './glob-segment.ts'

/** Tells whether a text matches `pattern` as a whole. In time at most quadratic in the text, whatever the pattern. */
export function createFnmatch(pattern: string): (text: string) => boolean {
  const pieces = parse(pattern)
  const least = pieces.filter(piece => piece.kind !== 'star').length
  return text => text.length >= least && matchPieces(pieces, text, { crossSlash: true })
}

function parse(pattern: string): Piece[] {
  const pieces: Piece[] = []
  // Looked up once: many brackets that are never closed would each look through the rest of the pattern.
  const lastClose = pattern.lastIndexOf(']')
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern[at]!
    if (char === '*') {
      if (pieces.at(-1)?.kind !== 'star') pieces.push({ kind: 'star' })
      continue
    }
    const negated = pattern[at + 1] === '!'
    const start = at + (negated ? 2 : 1)
    // A `]` that comes first belongs to the set.
    if (char === '[' && start + 1 <= lastClose) {
      const end = pattern.indexOf(']', start + 1)
      pieces.push({ kind: 'class', negated, ranges: rangesOf(pattern.slice(start, end)) })
      at = end
    } else pieces.push(char === '?' ? { kind: 'any' } : { kind: 'char', code: pattern.charCodeAt(at) })
  }
  return pieces
}

/** A range that runs backwards holds nothing. */
function rangesOf(set: string): [number, number][] {
  const ranges: [number, number][] = []
  for (let at = 0; at < set.length; at++) {
    const low = set.charCodeAt(at)
    const isRange = set[at + 1] === '-' && at + 2 < set.length
    ranges.push([low, isRange ? set.charCodeAt(at + 2) : low])
    if (isRange) at += 2
  }
  return ranges
}
