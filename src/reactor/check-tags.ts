// Warns of globs below salt/ that no event of the program has a tag for: a rule that waits for them waits in vain.
import { didYouMean } from '../base/suggest.ts'
import { CATALOGUE } from '../protocol/catalogue/all.ts'
import { unescapeToken } from '../protocol/token.ts'
import { type GlobBranch, parseGlob, type Segment, splitGlobs } from './rules/glob.ts'
import type { RuleProblem } from './rules/problem.ts'
import type { RuleDocument } from './rules/schema.ts'

/** A segment of a declared tag: a text, any one segment, any number of them, or one of a form. */
type Declared = string | typeof ONE | typeof MANY | RegExp
const ONE = Symbol('one segment')
const MANY = Symbol('any number of segments')

const STORED = CATALOGUE.filter(({ local }) => !local).map(({ pattern }) => pattern)
const TAGS = STORED.map(pattern => pattern.split('/').map(declaredSegment))
/** As people would write them. */
const GLOBS = STORED.map(pattern => pattern.replaceAll(/<[^>]*…>/g, '**').replaceAll(/<[^>]*>/g, '*'))

function declaredSegment(text: string): Declared {
  if (/^<[^>]*…>$/.test(text)) return MANY
  if (/^<[^>]*>$/.test(text)) return ONE
  return text.includes('<') ? new RegExp(`^${text.replaceAll(/<[^>]*>/g, '.*')}$`) : text
}

/** The globs of a sound rule that wait for what nobody but people and modules of one's own fire. */
export function tagWarnings({ rule, on, absent, source }: RuleDocument): RuleProblem[] {
  return splitGlobs([...on, ...(absent?.until ?? [])])
    .include.filter(glob => isWaitedInVain(parseGlob(glob)))
    .map(glob => ({
      ...{ file: source.file, line: source.line, column: 1, rule },
      message: `no event of the program has a tag that '${glob}' matches.${didYouMean(glob, GLOBS)} docs/events.md has all of them`,
    }))
}

const isWaitedInVain = (branches: readonly GlobBranch[]): boolean =>
  branches.every(({ segments: [first] }) => first?.kind === 'literal' && first.token === 'salt') &&
  !branches.some(({ segments, whole }) => whole !== undefined || TAGS.some(tag => mayMeet(segments, tag)))

/** Whether there is a tag that both stand for. */
function mayMeet([first, ...rest]: readonly Segment[], tag: readonly Declared[]): boolean {
  const [declared, ...behind] = tag
  if (first === undefined) return tag.every(one => one === MANY)
  if (first.kind === 'globstar')
    return mayMeet(rest, tag) || (declared !== undefined && mayMeet([first, ...rest], behind))
  if (declared === undefined) return false
  if (declared === MANY) return mayMeet([first, ...rest], behind) || mayMeet(rest, tag)
  return fits(first, declared) && mayMeet(rest, behind)
}

function fits(segment: Segment, declared: Exclude<Declared, typeof MANY>): boolean {
  if (declared === ONE || segment.kind === 'star' || segment.kind === 'globstar') return true
  if (typeof declared === 'string')
    return segment.kind === 'pattern' ? segment.matches(declared) : unescapeToken(segment.token) === declared
  return segment.kind === 'pattern' || declared.test(unescapeToken(segment.token))
}
