// One action of a rule compiled: its templates, and where untrusted values will stand in it.
import { errorMessage, ReactorError } from '../../base/errors.ts'
import { setOwn } from '../../base/json.ts'
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
  const { kind, fun } = action
  const { tgt, tgt_type, returning, arg, kwarg, untrustedPaths } = compileCall(action, place, own)
  return (names, untrusted) => {
    const rendered: ReactionAction = { kind, fun, arg: [], kwarg: {} }
    try {
      for (const render of arg) rendered.arg.push(render(names))
      for (const { name, render } of kwarg) setOwn(rendered.kwarg, name, render(names))
      if (tgt) Object.assign(rendered, target(tgt(names), tgt_type!), returning)
    } catch (error) {
      throw located(error, rule, nameOf(action, place))
    }
    const paths = untrustedPaths(untrusted)
    if (paths) rendered.untrusted = paths
    return rendered
  }
}

/** What is left of a call for rendering: there may be thousands of rules, and none needs its places in the file any more. */
function compileCall(action: RuleAction, place: string, own: ReadonlySet<string>) {
  const call = readParams(action.kind, action.params, (path, message) => {
    throw new ReactorError('bad_rule', `${nameOf(action, place)}${formatPath(path)}: ${message}`)
  })
  return {
    tgt: call.tgt === undefined ? undefined : compileValue(call.tgt, ['tgt']),
    tgt_type: call.tgt_type,
    returning: call.returning,
    arg: call.arg.map(({ value, path }) => compileValue(value, path)),
    kwarg: call.kwarg.map(({ name, value, path }) => ({ name, render: compileValue(value, path) })),
    untrustedPaths: createPathsBySource(borrowedOf(call, own)),
  }
}

const nameOf = ({ kind, fun }: RuleAction, place: string): string => `${place} ${kind}.${fun}`

function target(tgt: unknown, type: string): { tgt: string | string[]; tgt_type: string } {
  if (isTarget(tgt)) return { tgt, tgt_type: Array.isArray(tgt) ? 'list' : type }
  const message = `a target is text or a list of ids, not empty; the template gave ${show(tgt)}`
  throw new ReactorError('template', message, { path: ['tgt'] })
}

function located(error: unknown, rule: string, where: string): ReactorError {
  const details = error instanceof ReactorError ? error.details : {}
  const path = (details.path ?? []) as Path
  const message = `rule '${rule}', ${where}${formatPath(path)}: ${errorMessage(error)}`
  return new ReactorError('template', message, { ...details, rule, path }, error)
}
