// What is told of one rule in force: its mode, what it wants and does in short, and what became of its reactions.
import type { RuleCounts } from '../../protocol/reaction-view.ts'
import { failureRule } from '../../protocol/rule-name.ts'
import type { Activation, RuleView } from '../../protocol/rule-view.ts'
import { readParams } from '../rules/params.ts'
import type { RuleAction, RuleDocument } from '../rules/schema.ts'

/** The rules of the bundle in its order, then those that are off and in no bundle any more. */
export function viewRules(
  { off = {} }: Activation,
  rules: readonly RuleDocument[],
  counts: readonly RuleCounts[],
): RuleView[] {
  const known = new Set(rules.map(({ rule }) => rule))
  const byRule = new Map(counts.map(one => [one.rule, one]))
  /** With those of its `on_failure`, which has no line of its own. */
  const counted = (rule: string) => {
    const found = byRule.get(rule)
    const failure = byRule.get(failureRule(rule))
    return { ...(found ? { counts: found } : {}), ...(failure ? { on_failure: failure } : {}) }
  }
  const views = rules.map((document): RuleView => {
    const { rule, on, mode = 'live', priority, source } = document
    const mark = Object.hasOwn(off, rule) ? off[rule] : undefined
    return {
      rule,
      mode: mark ? 'off' : mode,
      ...(mark ? { off: mark } : {}),
      on,
      do: document.do.map(shortAction),
      ...(priority === undefined ? {} : { priority }),
      source,
      ...counted(rule),
    }
  })
  const gone = Object.entries(off).flatMap(([rule, mark]): RuleView[] =>
    known.has(rule) ? [] : [{ rule, mode: 'off', off: mark, gone: true, on: [], do: [], ...counted(rule) }],
  )
  return [...views, ...gone]
}

/** `local.service.restart → web*` */
function shortAction({ kind, fun, params }: RuleAction): string {
  const name = `${kind}.${fun}`
  if (kind !== 'local') return name
  const { tgt } = readParams(kind, params, () => undefined)
  return `${name} → ${typeof tgt === 'string' ? tgt : JSON.stringify(tgt ?? null)}`
}
