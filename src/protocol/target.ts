// Targets: which of the known minions a job is for. Every type is compiled once and then asked for each minion.
import { didYouMean } from '../base/suggest.ts'
import { type Budget, createBudget } from './target/budget.ts'
import { compileCompound } from './target/compound.ts'
import { compileGroup } from './target/nodegroup.ts'
import { compileList, compilePlain } from './target/plain.ts'
import { badTarget, show } from './target/problem.ts'
import {
  type Compiled,
  type Compiling,
  TARGET_TYPES,
  type TargetContext,
  type TargetMinion,
  type TargetType,
} from './target/types.ts'
import { wordsOf } from './target/words.ts'

export { TARGET_TYPES, type TargetContext, type TargetMinion, type TargetType }

export interface Resolved {
  /** Minions that match, sorted. */
  minions: string[]
  /** Ids that its lists name and nobody knows, sorted. */
  missing: string[]
}

export interface CompiledTarget {
  matches(minion: TargetMinion): boolean
  /** Ids that its lists name, sorted; none where it has no list. */
  listed?: string[]
}

/**
 * The minions of the fleet that a target means. Throws `bad_argument` on a target that is malformed, does not fit its
 * type, or costs more than two seconds.
 */
export function resolveTarget(
  tgt: string | string[],
  type: string,
  fleet: Iterable<TargetMinion>,
  context: TargetContext,
): Resolved {
  return resolveWithin(createBudget(), tgt, type, fleet, context)
}

/** The same with a time limit of the caller's. */
export function resolveWithin(
  budget: Budget,
  tgt: string | string[],
  type: string,
  fleet: Iterable<TargetMinion>,
  context: TargetContext,
): Resolved {
  const { matches, listed } = compile(tgt, type, context, budget)
  const unseen = new Set(listed)
  const minions: string[] = []
  for (const minion of fleet) {
    unseen.delete(minion.id)
    if (matches(minion)) minions.push(minion.id)
  }
  return { minions: minions.sort(), missing: [...unseen].sort() }
}

/** A target to be asked for single minions, each within two seconds. Throws `bad_argument`, as `matches` may. */
export function compileTarget(tgt: string | string[], type: string, context: TargetContext): CompiledTarget {
  const budget = createBudget()
  const { matches, listed } = compile(tgt, type, context, budget)
  return {
    matches(minion) {
      budget.start()
      return matches(minion)
    },
    ...(listed.length === 0 ? {} : { listed: [...new Set(listed)].sort() }),
  }
}

function compile(tgt: string | string[], name: string, context: TargetContext, budget: Budget): Compiled {
  const type = checkType(name)
  if (Array.isArray(tgt)) {
    if (type !== 'list') throw badTarget(`a list of ids needs tgt_type list, got ${show(type)}`)
    return compileList(tgt)
  }
  if (typeof tgt !== 'string' || tgt.trim() === '')
    throw badTarget(`a ${type} target is a non-empty text, got ${show(tgt)}`)
  const env: Compiling = {
    context,
    budget,
    pillarExact: type === 'compound_pillar_exact',
    groups: new Map(),
    path: [],
    group: name => compileGroup(name, env),
    depth: 0,
  }
  if (type === 'nodegroup') return compileGroup(tgt, env)
  if (type !== 'compound' && type !== 'compound_pillar_exact') return compilePlain(type, tgt, env)
  const source = { text: tgt }
  return compileCompound(wordsOf(source), source, env)
}

function checkType(type: string): TargetType {
  if ((TARGET_TYPES as readonly unknown[]).includes(type)) return type as TargetType
  if (type === 'range')
    throw badTarget("target type 'range' needs a range server, which is not supported; name the minions in a list")
  throw badTarget(
    `target type ${show(type)} is not one of ${TARGET_TYPES.join(', ')}.${didYouMean(String(type), TARGET_TYPES)}`,
  )
}
