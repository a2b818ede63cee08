// How a rule's reactions are executed, as it travels with each of them: only what is not the default, and mostly nothing.
import type { ReactionPolicy } from '../../protocol/reaction.ts'
import type { RuleDocument } from './schema.ts'

/** Undefined: all of it is the default. */
export function policyOf(document: RuleDocument): ReactionPolicy | undefined {
  const { retry, concurrency, max_targets, on_unknown, on_failure } = document
  const policy: ReactionPolicy = {
    // Where the outcome is not known there may be another attempt than those that are asked for.
    ...(retry &&
      (retry.attempts > 1 || on_unknown === 'retry') && { attempts: retry.attempts, backoff: retry.backoff }),
    ...(concurrency !== undefined && { concurrency }),
    ...(max_targets !== undefined && { max_targets }),
    ...(on_unknown !== undefined && on_unknown !== 'park' && { on_unknown }),
    ...(on_failure && { on_failure: true as const }),
  }
  return Object.keys(policy).length === 0 ? undefined : policy
}
