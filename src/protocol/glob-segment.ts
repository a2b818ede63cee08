// One path segment of a glob (or a whole glob that cannot be split) as pieces, and a matcher that stays polynomial on
// any input: it moves sets of positions along the text, so that a hostile tag cannot make it backtrack.
import { ReactorError } from '../base/errors.ts'

export type Piece =
  | { kind: 'char'; code: number }
  | { kind: 'any' }
  | { kind: 'star' }
  | { kind: 'deep' }
  | { kind: 'class'; negated: boolean; ranges: readonly (readonly [number, number])[] }
  | { kind: 'group'; op: string; alternatives: Piece[][] }

const SLASH = 47
/** No character has this code. */
const NONE = -1

/** Pieces of `text`, in which `/` is allowed. Throws `bad_rule` on an unclosed bracket. */
export function parsePieces(text: string): Piece[] {
  let at = 0
  const sequence = (inGroup: boolean): Piece[] => {
    const pieces: Piece[] = []
    while (at < text.length) {
      const char = text[at]!
      if (inGroup && (char === '|' || char === ')')) return pieces
      if (char === '\\' && at + 1 < text.length) {
        pieces.push({ kind: 'char', code: text.charCodeAt(at + 1) })
        at += 2
      } else if ('?*+@!'.includes(char) && text[at + 1] === '(') pieces.push(group(char))
      else if (char === '*') {
        while (text[at] === '*' && text[at + 1] !== '(') at++
        pieces.push({ kind: 'star' })
      } else if (char === '[') pieces.push(bracket())
      else {
        pieces.push(char === '?' ? { kind: 'any' } : { kind: 'char', code: text.charCodeAt(at) })
        at++
      }
    }
    if (inGroup) throw new ReactorError('bad_rule', `'${text}' opens a '(' that is never closed`)
    return pieces
  }
  const group = (op: string): Piece => {
    at += 2
    const alternatives = [sequence(true)]
    while (text[at] === '|') {
      at++
      alternatives.push(sequence(true))
    }
    at++
    return { kind: 'group', op, alternatives }
  }
  const bracket = (): Piece => {
    const open = at++
    if (text[at] === '!')
      throw new ReactorError(
        'bad_rule',
        `'${text}': write [^...] for "none of these"; '[!' does not negate in these globs`,
      )
    const negated = text[at] === '^'
    if (negated) at++
    const ranges: [number, number][] = []
    const start = at
    while (at < text.length && (text[at] !== ']' || at === start)) {
      if (text[at] === '\\' && at + 1 < text.length) at++
      const low = text.charCodeAt(at++)
      if (text[at] === '-' && at + 1 < text.length && text[at + 1] !== ']') {
        const high = text.charCodeAt(at + 1)
        at += 2
        if (high < low)
          throw new ReactorError('bad_rule', `'${text.slice(open, at)}' holds a range that runs backwards`)
        ranges.push([low, high])
      } else ranges.push([low, low])
    }
    if (at >= text.length) throw new ReactorError('bad_rule', `'${text}' opens a '[' that is never closed`)
    at++
    return { kind: 'class', negated, ranges }
  }
  return sequence(false)
}

/** Tells whether the pieces match all of `text`. `*`, `?` and classes stop at a `/` unless they may cross it. */
export function matchPieces(pieces: readonly Piece[], text: string, { crossSlash = false } = {}): boolean {
  const start = new Uint8Array(text.length + 1)
  start[0] = 1
  return run(pieces, { text, barrier: crossSlash ? NONE : SLASH }, start)[text.length] === 1
}

/** What is matched; `barrier` is the code of the character that only a literal and `deep` cross. */
interface Subject {
  text: string
  barrier: number
}

/** From the positions marked in `from`, the positions at which a match of `pieces` can end. */
function run(pieces: readonly Piece[], subject: Subject, from: Uint8Array): Uint8Array {
  let current = from
  for (const piece of pieces) current = step(piece, subject, current)
  return current
}

function step(piece: Piece, subject: Subject, from: Uint8Array): Uint8Array {
  const { text, barrier } = subject
  const next = new Uint8Array(from.length)
  if (piece.kind === 'star' || piece.kind === 'deep') {
    let on = false
    for (let p = 0; p < from.length; p++) {
      if (from[p]) on = true
      if (on) next[p] = 1
      if (piece.kind === 'star' && text.charCodeAt(p) === barrier) on = false
    }
  } else if (piece.kind === 'group') return stepGroup(piece.op, piece.alternatives, subject, from)
  else for (let p = 0; p < text.length; p++) if (from[p] && accepts(piece, text.charCodeAt(p), barrier)) next[p + 1] = 1
  return next
}

function accepts(piece: Piece, code: number, barrier: number): boolean {
  if (piece.kind === 'char') return piece.code === code
  if (code === barrier) return false
  if (piece.kind !== 'class') return true
  return piece.ranges.some(([low, high]) => code >= low && code <= high) !== piece.negated
}

function stepGroup(op: string, alternatives: Piece[][], subject: Subject, from: Uint8Array): Uint8Array {
  if (op === '!') return stepNegation(alternatives, subject, from)
  const once = (positions: Uint8Array) => union(alternatives.map(pieces => run(pieces, subject, positions)))
  const all = once(from)
  if (op === '*' || op === '+') {
    for (let frontier = all; frontier.includes(1); ) {
      frontier = once(frontier)
      for (let p = 0; p < all.length; p++) {
        if (frontier[p] && all[p]) frontier[p] = 0
        else if (frontier[p]) all[p] = 1
      }
    }
  }
  return op === '*' || op === '?' ? union([all, from]) : all
}

function stepNegation(alternatives: Piece[][], subject: Subject, from: Uint8Array): Uint8Array {
  const next = new Uint8Array(from.length)
  for (let p = 0; p < from.length; p++) {
    if (!from[p]) continue
    const single = new Uint8Array(from.length)
    single[p] = 1
    const taken = union(alternatives.map(pieces => run(pieces, subject, single)))
    for (let end = p; end < from.length; end++) {
      if (!taken[end]) next[end] = 1
      if (subject.text.charCodeAt(end) === subject.barrier) break
    }
  }
  return next
}

function union(sets: Uint8Array[]): Uint8Array {
  const all = sets[0]!.slice()
  for (const set of sets.slice(1)) for (let p = 0; p < all.length; p++) if (set[p]) all[p] = 1
  return all
}
