// One action of a rule compiled: its templates, and where untrusted values will stand in it.
import { errorMessage, ReactorError } from '../../base/errors.ts'
import type { ReactionAction } from '../../protocol/job.ts'
import type { Sources } from '../../protocol/trust.ts'
import { readParams } from './params.ts'
import { formatPath, isTarget, type Path, show } from './path.ts'
import type { RuleAction } from './schema.ts'
import { compileValue } from './template.ts'
import { borrowedOf, createPathsBySource } from './untrusted.ts'

type Names = Readonly<Record<string, unknown>>
/** Throws `template` naming rule, action, path, expression. */
export type RenderAction = (names: Names, untrusted: Sources) => ReactionAction

/** `place`: where it stands in the rule, such as `do[0]`. Throws `bad_rule`. */
export function compileAction(rule: string, action: RuleAction, place: string, own: ReadonlySet<string>): RenderAction {
  const where = `${place} ${action.kind}.${action.fun}`
  const call = readParams(action.kind, action.params, (path, message) => {
    throw new ReactorError('bad_rule', `${where}${formatPath(path)}: ${message}`)
  })
  const value = (inner: unknown, path: Path) => {
    const render = compileValue(inner, path)
    return (names: Names) => {
      try {
        return render(names)
      } catch (error) {
        throw located(error, rule, where)
      }
    }
  }
  const tgt = call.tgt === undefined ? undefined : value(call.tgt, ['tgt'])
  const arg = call.arg.map(one => value(one.value, one.path))
  const kwarg = call.kwarg.map(one => [one.name, value(one.value, one.path)] as const)
  const untrustedPaths = createPathsBySource(borrowedOf(call, own))
  return (names, untrusted) => {
    const rendered: ReactionAction = {
      kind: action.kind,
      fun: action.fun,
      arg: arg.map(render => render(names)),
      kwarg: Object.fromEntries(kwarg.map(([key, render]) => [key, render(names)])),
    }
    if (tgt) Object.assign(rendered, target(tgt(names), call.tgt_type!, `rule '${rule}', ${where}.tgt`))
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

function located(error: unknown, rule: string, where: string): ReactorError {
  const details = error instanceof ReactorError ? error.details : {}
  const path = (details.path ?? []) as Path
  const message = `rule '${rule}', ${where}${formatPath(path)}: ${errorMessage(error)}`
  return new ReactorError('template', message, { ...details, rule, path }, error)
}
