// Switching rules on and off by name: which marks an activation has after it. Pure.
import { ReactorError } from '../../base/errors.ts'
import { nearest } from '../../base/suggest.ts'
import type { Activation, OffMark, Switched } from '../../protocol/rule-view.ts'

export interface SwitchRequest {
  to: 'on' | 'off'
  names: readonly string[]
  by: string
  reason?: string | undefined
}

/**
 * The activation with the marks changed; undefined where all of them are so already. A mark may be of a rule that is in no
 * bundle any more: that one can be switched on, so that it is live should it come back. Throws `not_found` naming each
 * name that is neither a rule nor a mark; then nothing is switched.
 */
export function switchRules(
  before: Activation,
  known: readonly string[],
  { to, names, by, reason }: SwitchRequest,
  at: number,
): { activation: Activation | undefined; switched: string[]; unchanged: string[] } {
  const off = new Map<string, OffMark>(Object.entries(before.off ?? {}))
  const wanted = [...new Set(names)]
  requireKnown(wanted, new Set([...known, ...off.keys()]))
  const switched = wanted.filter(name => off.has(name) === (to === 'on'))
  const unchanged = wanted.filter(name => !switched.includes(name))
  if (switched.length === 0) return { activation: undefined, switched, unchanged }
  const why = reason === undefined ? {} : { reason }
  for (const name of switched) {
    if (to === 'off') off.set(name, { by, at, ...why })
    else off.delete(name)
  }
  const did: Switched = { to, names: switched, by, at, ...why }
  const { off: _marks, changes: _changes, ...rest } = before
  const marks = off.size === 0 ? {} : { off: Object.fromEntries(off) }
  return { activation: { ...rest, ...marks, switched: did }, switched, unchanged }
}

function requireKnown(names: readonly string[], known: ReadonlySet<string>): void {
  const unknown = names.filter(name => !known.has(name))
  if (unknown.length > 0) throw notFound(unknown, known)
}

/** That no rule has these names, with the nearest of those there are. */
export function notFound(unknown: readonly string[], known: Iterable<string>): ReactorError {
  const all = [...known]
  const said = unknown.map(name => {
    const near = nearest(name, all)
    return `'${name.slice(0, 100)}'${near === undefined ? '' : ` (did you mean '${near}'?)`}`
  })
  const none = unknown.length === 1 ? 'no rule' : 'no rules'
  return new ReactorError('not_found', `${none} ${said.join(', ')}; 'reactor rules list' shows those there are`)
}
