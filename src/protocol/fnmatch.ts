// Salt's globs over a whole text (Python's fnmatch): `*`, `?`, `[seq]`, `[!seq]` cross everything, `/` included, and every
// other character is a letter: no braces, no groups, no escapes. A bracket that is never closed is a letter too.

type Piece =
  | { kind: 'char'; code: number }
  | { kind: 'any' }
  | { kind: 'star' }
  | { kind: 'class'; negated: boolean; ranges: readonly (readonly [number, number])[] }

/** Tells whether a text matches `pattern` as a whole. In time at most quadratic in the text, whatever the pattern. */
export function createFnmatch(pattern: string): (text: string) => boolean {
  const pieces = parse(pattern)
  const least = pieces.filter(piece => piece.kind !== 'star').length
  return text => text.length >= least && matches(pieces, text)
}

/** What comes after a star is tried at each further place; a star before it need never be gone back to. */
function matches(pieces: readonly Piece[], text: string): boolean {
  let [piece, at] = [0, 0]
  let [star, retry] = [-1, 0]
  while (at < text.length) {
    const wanted = pieces[piece]
    if (wanted?.kind === 'star') [star, retry] = [piece++, at]
    else if (wanted && accepts(wanted, text.charCodeAt(at))) [piece, at] = [piece + 1, at + 1]
    else if (star >= 0) [piece, at] = [star + 1, ++retry]
    else return false
  }
  return piece === pieces.length || (piece === pieces.length - 1 && pieces[piece]?.kind === 'star')
}

function accepts(piece: Exclude<Piece, { kind: 'star' }>, code: number): boolean {
  if (piece.kind === 'char') return piece.code === code
  return piece.kind === 'any' || piece.ranges.some(([low, high]) => code >= low && code <= high) !== piece.negated
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
