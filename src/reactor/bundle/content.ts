// What a bundle is made of: its text and the hash that names it, and how two sets of rules differ.
import { createHash } from 'node:crypto'
import { canonicalJson } from '../../base/json.ts'
import type { Activation, ChangeCounts, RuleChanges } from '../../protocol/rule-view.ts'
import type { RuleDocument } from '../rules/schema.ts'

export interface Bundle {
  /** First 16 hex digits of the SHA-256 of the rules as canonical JSON. */
  hash: string
  /** The same array for as long as only `off` changes. */
  rules: RuleDocument[]
  /** Names of rules that a person has switched off: they decide nothing, and their matches are recorded as `off`. */
  off?: readonly string[]
}

/** `off` has the rules of the bundle alone; it is absent where there are none. */
export function bundleOf({ hash, off = {} }: Activation, rules: RuleDocument[]): Bundle {
  const names = rules.flatMap(({ rule }) => (Object.hasOwn(off, rule) ? [rule] : []))
  return { hash, rules, ...(names.length > 0 ? { off: names } : {}) }
}

export function encodeRules(rules: readonly RuleDocument[]): { hash: string; text: string } {
  const text = canonicalJson(rules)
  return { hash: createHash('sha256').update(text).digest('hex').slice(0, 16), text }
}

/** Names in order. Where a rule stands in its file is no part of it. */
export function compareRules(before: readonly RuleDocument[], after: readonly RuleDocument[]): RuleChanges {
  const old = new Map(before.map(rule => [rule.rule, rule]))
  const now = new Set(after.map(({ rule }) => rule))
  const changes: RuleChanges = {
    added: [],
    changed: [],
    removed: before.flatMap(({ rule }) => (now.has(rule) ? [] : [rule])),
  }
  for (const rule of after) {
    const one = old.get(rule.rule)
    if (!one) changes.added.push(rule.rule)
    else if (textOf(one) !== textOf(rule)) changes.changed.push(rule.rule)
  }
  for (const names of Object.values(changes)) names.sort()
  return changes
}

export const countChanges = ({ added, changed, removed }: RuleChanges): ChangeCounts => ({
  added: added.length,
  changed: changed.length,
  removed: removed.length,
})

const textOf = ({ source: _place, ...rule }: RuleDocument): string => canonicalJson(rule)
