// A bundle compiled once for all that decide by it: its rules in order of priority, with what is the same in all they do.
import { errorMessage } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Bundle } from './bundle.ts'
import type { HandedRule } from './hand-over.ts'
import { type CompiledRule, type CompileOptions, compileRule } from './rules/compile.ts'
import type { RuleDocument } from './rules/schema.ts'

/** `single`: looks at one event; `windowed`: folded over many, by the leader. */
export type RuleKind = 'single' | 'windowed'

/** A rule in force. */
export interface Entry {
  rule: CompiledRule
  kind: RuleKind
  /** By its own `mode` or by a person: it decides nothing, and its matches are recorded. */
  off: boolean
  shadow: boolean
  /** It is an `on_failure`: its facts are those of the event whose reaction failed. */
  ofFailure: boolean
  handed: HandedRule
}

export interface CompiledBundle {
  hash: string
  /** By priority, the highest first, and of one priority in the bundle's own order; `on_failure` rules included. */
  entries: readonly Entry[]
}

/** Throws `bad_rule` where a rule does not compile. */
export function compileBundle({ hash, rules, off }: Bundle, compile = compileRule): CompiledBundle {
  const switchedOff = new Set(off)
  const entries = rules.flatMap(document => entriesOf(compile(document), switchedOff))
  return { hash, entries: entries.toSorted((a, b) => b.rule.priority - a.rule.priority) }
}

/**
 * Compiles one bundle after the other; what they share (a rule that is switched off changes no rule) is compiled once. Gives
 * undefined, and says so in the log, where one does not compile here: the one before stays in force.
 */
export function createBundleCompiler(
  log: Log,
  options?: CompileOptions,
): (bundle: Bundle) => CompiledBundle | undefined {
  const known = new WeakMap<RuleDocument, CompiledRule>()
  const compile = (document: RuleDocument) => {
    const rule = known.get(document) ?? compileRule(document, options)
    known.set(document, rule)
    return rule
  }
  return bundle => {
    try {
      const compiled = compileBundle(bundle, compile)
      log.info({ rules: bundle.rules.length, bundle: bundle.hash, off: bundle.off?.length ?? 0 }, 'bundle in force')
      return compiled
    } catch (error) {
      log.error(
        { bundle: bundle.hash, error: errorMessage(error) },
        'a bundle does not compile here; the one before stays in force',
      )
      return undefined
    }
  }
}

function entriesOf(rule: CompiledRule, switchedOff: ReadonlySet<string>, failing?: string): Entry[] {
  const { lane } = rule.document
  const entry: Entry = {
    rule,
    kind: rule.windowed ? 'windowed' : 'single',
    off: rule.mode === 'off' || switchedOff.has(rule.rule) || (failing !== undefined && switchedOff.has(failing)),
    shadow: rule.mode === 'shadow',
    ofFailure: failing !== undefined,
    handed: {
      rule: rule.rule,
      ...(lane === undefined ? {} : { lane }),
      ...(rule.policy === undefined ? {} : { policy: rule.policy }),
    },
  }
  return rule.onFailure ? [entry, ...entriesOf(rule.onFailure, switchedOff, rule.rule)] : [entry]
}
