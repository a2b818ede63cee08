// Which facts of a rule have to be looked up, so that an event pays for a look-up only where a rule asks for one.
import { isObject } from '../../base/json.ts'
import { parseTemplate } from '../../jinja/parse.ts'
import { type Lookup, ownKey } from './facts.ts'
import { isConstant } from './template.ts'

/** Each look-up once. */
export function distinct(lookups: readonly Lookup[]): readonly Lookup[] {
  return lookups.length === 0 ? NONE : [...new Map(lookups.map(lookup => [ownKey(lookup), lookup])).values()]
}

/** Those that the templates in a value name. Throws `template` on one that does not parse. */
export function lookupsIn(value: unknown, own: ReadonlySet<string>): Lookup[] {
  const names = new Set<string>()
  templateNames(value, names)
  return [...names].filter(name => name === 'job' || own.has(name)).map(fact => ({ fact }))
}

const NONE: readonly Lookup[] = []

function templateNames(value: unknown, names: Set<string>): void {
  if (isConstant(value)) return
  if (typeof value === 'string') namesIn(parseTemplate(value), names)
  else for (const inner of Array.isArray(value) ? value : Object.values(value as object)) templateNames(inner, names)
}

/** Every name in a syntax tree; one that the template sets itself may be among them, and costs a look-up at most. */
function namesIn(node: unknown, names: Set<string>): void {
  if (Array.isArray(node)) for (const inner of node) namesIn(inner, names)
  else if (isObject(node)) {
    if (node.kind === 'name') names.add(node.name as string)
    else for (const inner of Object.values(node)) namesIn(inner, names)
  }
}
