// Which values of an action come from the event or from what was gathered for it, and where each stands in what it renders to. Worked out once, at load;
// at run time the kind of the event's origin picks a list that is made already.
import { isObject } from '../../base/json.ts'
import type { Statement } from '../../jinja/ast.ts'
import { templateSources } from '../../jinja/flow.ts'
import { parseTemplate } from '../../jinja/parse.ts'
import type { Sources, ValuePath } from '../../protocol/trust.ts'
import type { CallParams } from './params.ts'
import { isConstant } from './template.ts'

/** A value of an action that is filled from the event. */
export interface Borrowed {
  path: ValuePath
  sources: Sources
}

/** All strings in `value` that may hold what came with an event. Throws `template` on one that does not parse. */
export function borrowedIn(value: unknown, path: ValuePath = [], own?: ReadonlySet<string>): Borrowed[] {
  if (isConstant(value)) return []
  if (Array.isArray(value)) return value.flatMap((item, index) => borrowedIn(item, [...path, index], own))
  if (isObject(value)) return Object.entries(value).flatMap(([key, item]) => borrowedIn(item, [...path, key], own))
  const sources = templateSources(value as string, own)
  return sources === 0 ? [] : [{ path, sources }]
}

/** Those of a whole call, at their places in the rendered action; `own` are the names of the user's own facts. */
export function borrowedOf({ tgt, arg, kwarg }: CallParams, own?: ReadonlySet<string>): Borrowed[] {
  return [
    ...borrowedIn(tgt, ['tgt'], own),
    ...arg.flatMap(({ value }, index) => borrowedIn(value, ['arg', index], own)),
    ...kwarg.flatMap(({ name, value }) => borrowedIn(value, ['kwarg', name], own)),
  ]
}

/** The paths that hold one of the sources, `undefined` where none does; the same list for the same sources. */
export function createPathsBySource(borrowed: readonly Borrowed[]): (sources: Sources) => ValuePath[] | undefined {
  if (borrowed.length === 0) return () => undefined
  let known: Map<Sources, ValuePath[] | undefined> | undefined
  return untrusted => {
    if (untrusted === 0) return undefined
    known ??= new Map()
    if (!known.has(untrusted)) {
      const paths = borrowed.filter(({ sources }) => (sources & untrusted) !== 0).map(({ path }) => path)
      known.set(untrusted, paths.length === 0 ? undefined : paths)
    }
    return known.get(untrusted)
  }
}

/** The value with a short word in the place of whatever its templates compute: what it is like once it is rendered. */
export function sampleOf(value: unknown): unknown {
  if (isConstant(value)) return value
  if (Array.isArray(value)) return value.map(sampleOf)
  if (isObject(value)) return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, sampleOf(item)]))
  return parseTemplate(value as string)
    .map(statement => (statement.kind === 'text' ? statement.value : PRINTS.has(statement.kind) ? 'x' : ''))
    .join('')
}

const PRINTS: ReadonlySet<Statement['kind']> = new Set(['output', 'if', 'for', 'with', 'capture'])
