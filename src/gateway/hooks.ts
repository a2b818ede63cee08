// Which hook a path belongs to: globs of segments, the most specific first. `**` stands for one segment or more, at the end.
import { ReactorError } from '../base/errors.ts'
import { matchPieces, type Piece, parsePieces } from '../protocol/glob-segment.ts'

export interface FoundHook {
  /** As the config has it. */
  pattern: string
}

interface Glob {
  segments: { pieces: Piece[]; rank: number }[]
  deep: boolean
}

const LITERAL = 3
const PARTLY = 2
const ANY = 1
const DEEP = 0

/** Throws `bad_config` on a glob that is none. */
export function createHooks<T extends FoundHook>(hooks: readonly T[]): (path: readonly string[]) => T | undefined {
  const all = hooks.map(hook => ({ hook, glob: parseGlob(hook.pattern) }))
  all.sort((a, b) => compare(ranks(a.glob), ranks(b.glob)) || (a.hook.pattern < b.hook.pattern ? -1 : 1))
  return path => all.find(({ glob }) => matches(glob, path))?.hook
}

function parseGlob(pattern: string): Glob {
  const parts = pattern.slice(1).split('/')
  const deep = parts.at(-1) === '**'
  const bad = (why: string) => new ReactorError('bad_config', `gateway.hooks: '${pattern}' ${why}`)
  const segments = (deep ? parts.slice(0, -1) : parts).map(text => {
    if (text.includes('**')) throw bad("may have '**' as its last segment only")
    try {
      const pieces = parsePieces(text)
      const rank = pieces.every(({ kind }) => kind === 'char') ? LITERAL : text === '*' ? ANY : PARTLY
      return { pieces, rank }
    } catch (error) {
      throw bad(`is no glob: ${(error as Error).message}`)
    }
  })
  return { segments, deep }
}

const ranks = ({ segments, deep }: Glob): number[] => [...segments.map(({ rank }) => rank), ...(deep ? [DEEP] : [])]

/** The first segment in which two differ decides; what goes on is the more specific. */
function compare(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((rank, index) => rank !== b[index])
  return at < 0 ? b.length - a.length : (b[at] ?? -1) - a[at]!
}

function matches({ segments, deep }: Glob, path: readonly string[]): boolean {
  if (deep ? path.length <= segments.length : path.length !== segments.length) return false
  return segments.every(({ pieces }, index) => matchPieces(pieces, path[index]!))
}
