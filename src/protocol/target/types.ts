// The words of targets: their types, what is known of a minion, and what a target is compiled to.
import type { Budget } from './budget.ts'

export const TARGET_TYPES = [
  'glob',
  'pcre',
  'list',
  'grain',
  'grain_pcre',
  'pillar',
  'pillar_pcre',
  'pillar_exact',
  'ipcidr',
  'nodegroup',
  'compound',
  'compound_pillar_exact',
] as const
export type TargetType = (typeof TARGET_TYPES)[number]

/** Types whose target is one pattern, without operators. */
export type PlainType = Exclude<TargetType, 'nodegroup' | 'compound' | 'compound_pillar_exact'>

export interface TargetMinion {
  id: string
  /** As the minion sent them last. */
  grains: Readonly<Record<string, unknown>>
  readonly pillar?: Readonly<Record<string, unknown>> | undefined
}

export interface TargetContext {
  /** By name: a compound expression, or a list of words of one. */
  nodegroups: Readonly<Record<string, string | string[]>>
  /** False: pillar is not known where this is asked, and targets that ask for it are refused. */
  pillar: boolean
}

export interface Compiled {
  matches(minion: TargetMinion): boolean
  /** Ids that lists in it name, but for those under a `not`. */
  listed: readonly string[]
  /** Patterns in it, those of its nodegroups included. */
  operands: number
  /** How deep its parentheses and nodegroups lie in each other. */
  height: number
}

/** What compiling one target shares among its parts. */
export interface Compiling {
  context: TargetContext
  budget: Budget
  /** Pillar is compared as it is, not as a glob or a regex (`compound_pillar_exact`). */
  pillarExact: boolean
  /** Nodegroups that are compiled, and those that are being compiled, outermost first. */
  groups: Map<string, Compiled>
  path: string[]
  /** Compiles a nodegroup by its name. */
  group(name: string): Compiled
  /** Parentheses and nodegroups around the place that is read. */
  depth: number
}

export const MAX_OPERANDS = 1000
export const MAX_DEPTH = 100
/** Characters of one pattern; a list may be longer. */
export const MAX_PATTERN = 4096
/** Characters of one value; longer ones match nothing, so that a minion cannot make targets slow. */
export const MAX_VALUE = 4096
