// A rule document compiled once: `decide` runs per event whose tag matches, `render` per event that is decided on.
import { errorMessage, ReactorError } from '../../base/errors.ts'
import type { ReactionAction } from '../../protocol/job.ts'
import type { Sources } from '../../protocol/trust.ts'
import { compileConditions } from './conditions.ts'
import type { Facts } from './facts.ts'
import { parseGlob, splitGlobs } from './glob.ts'
import { readParams } from './params.ts'
import { formatPath, isTarget, type Path, show } from './path.ts'
import { type RuleAction, type RuleDocument, ruleDocumentSchema } from './schema.ts'
import { compileValue } from './template.ts'
import { borrowedOf, createPathsBySource } from './untrusted.ts'

export type { Facts } from './facts.ts'

export interface CompiledRule {
  readonly rule: string
  readonly document: RuleDocument
  /** Whether the rule's conditions hold; never throws. */
  decide(facts: Facts): boolean
  /**
   * What the rule asks for, constants shared between calls; values made of `untrusted` sources are listed in each action.
   * Throws `template` naming rule, action, path, expression.
   */
  render(facts: Facts, untrusted: Sources): ReactionAction[]
}

type Names = Readonly<Record<string, unknown>>

/** Throws `bad_rule` naming the rule, its file and line. */
export function compileRule(document: RuleDocument): CompiledRule {
  const parsed = ruleDocumentSchema.safeParse(document)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw new ReactorError('bad_rule', `no rule document: ${issue!.path.join('.')}: ${issue!.message}`)
  }
  const place = `${document.source.file}:${document.source.line}: rule '${document.rule}'`
  try {
    const { include, exclude } = splitGlobs(document.on)
    for (const glob of [...include, ...exclude]) parseGlob(glob)
    const decide = document.when === undefined ? () => true : compileConditions(document.when)
    const actions = document.do.map((action, index) => compileAction(document.rule, action, index))
    return {
      rule: document.rule,
      document,
      decide,
      render(facts, untrusted) {
        const names = namesOf(facts)
        return actions.map(render => render(names, untrusted))
      },
    }
  } catch (error) {
    throw new ReactorError('bad_rule', `${place}: ${errorMessage(error)}`, { rule: document.rule }, error)
  }
}

type RenderAction = (names: Names, untrusted: Sources) => ReactionAction

function compileAction(rule: string, action: RuleAction, index: number): RenderAction {
  const name = `${action.kind}.${action.fun}`
  const call = readParams(action.kind, action.params, (path, message) => {
    throw new ReactorError('bad_rule', `do[${index}] ${name}${formatPath(path)}: ${message}`)
  })
  const value = (inner: unknown, path: Path) => {
    const render = compileValue(inner, path)
    return (names: Names) => {
      try {
        return render(names)
      } catch (error) {
        throw located(error, rule, index, name)
      }
    }
  }
  const tgt = call.tgt === undefined ? undefined : value(call.tgt, ['tgt'])
  const arg = call.arg.map(one => value(one.value, one.path))
  const kwarg = call.kwarg.map(one => [one.name, value(one.value, one.path)] as const)
  const untrustedPaths = createPathsBySource(borrowedOf(call))
  return (names, untrusted) => {
    const rendered: ReactionAction = {
      kind: action.kind,
      fun: action.fun,
      arg: arg.map(render => render(names)),
      kwarg: Object.fromEntries(kwarg.map(([key, render]) => [key, render(names)])),
    }
    if (tgt) Object.assign(rendered, target(tgt(names), call.tgt_type!, `rule '${rule}', do[${index}] ${name}.tgt`))
    const paths = untrustedPaths(untrusted)
    if (paths) rendered.untrusted = paths
    return rendered
  }
}

function target(tgt: unknown, type: string, place: string): { tgt: string | string[]; tgt_type: string } {
  if (isTarget(tgt)) return { tgt, tgt_type: Array.isArray(tgt) ? 'list' : type }
  const message = `${place}: a target is text or a list of ids, not empty; the template gave ${show(tgt)}`
  throw new ReactorError('template', message)
}

function located(error: unknown, rule: string, index: number, name: string): ReactorError {
  const details = error instanceof ReactorError ? error.details : {}
  const path = (details.path ?? []) as Path
  const message = `rule '${rule}', do[${index}] ${name}${formatPath(path)}: ${errorMessage(error)}`
  return new ReactorError('template', message, { ...details, rule, action: index, path }, error)
}

const namesOf = ({ tag, data, origin, stamp, minion }: Facts): Names => ({ tag, data, origin, stamp, minion })
