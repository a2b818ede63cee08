// Events that tests see stored, held against the catalogue: what is not as it is declared fails the test that runs, or its file.

import { CATALOGUE } from '../../src/protocol/catalogue/all.ts'
import { type AnyEvent, problemOf, type Sender } from '../../src/protocol/catalogue/define.ts'
import type { Event } from '../../src/protocol/event.ts'
import { formatOrigin } from '../../src/protocol/origin.ts'
import { problems } from './conformance-setup.ts'

export type Stored = Pick<Event, 'tag' | 'data' | 'origin' | 'believed'>

const senderOf = ({ origin }: Pick<Stored, 'origin'>): Sender =>
  origin.kind === 'service' ? origin.id : origin.kind === 'user' ? 'operator' : 'minion'

/**
 * Why an event is none that the program sends; undefined: it is one, or somebody else's. What operators fire by hand and what is
 * not believed is theirs. `anySender`: everything comes from one origin there.
 */
export function nonconformity(event: Stored, { anySender = false } = {}): string | undefined {
  const { tag, data, origin, believed } = event
  if (!/^\/?salt(?:\/|$)/.test(tag) || origin.kind === 'user' || !believed) return undefined
  const sender = senderOf(event)
  const kinds = nearest(CATALOGUE.filter(({ matches, local }) => !local && matches(tag)))
  const sent = anySender ? kinds : kinds.filter(({ by }) => by.includes(sender))
  if (kinds.length === 0) return 'no such event is declared'
  if (sent.length === 0) return `${kinds.map(({ pattern }) => pattern).join(', ')} is not declared as sent by ${sender}`
  // Rules find the stamp inside the data, where Salt has it.
  const { _stamp, ...rest } = data
  const found = sent.map(kind => problemIn(kind, rest))
  return found.includes(undefined) ? undefined : found.join('\n')
}

/** Of `salt/beacon/<id>/load/` and `salt/beacon/<id>/<beacon>/<tag…>` the first: those with the most segments of their own. */
function nearest(kinds: readonly AnyEvent[]): AnyEvent[] {
  const own = ({ pattern }: AnyEvent) => pattern.split('/').filter(text => text !== '' && !text.includes('<')).length
  const most = Math.max(...kinds.map(own))
  return kinds.filter(kind => own(kind) === most)
}

const problemIn = (kind: AnyEvent, data: Record<string, unknown>): string | undefined => problemOf(kind, data)

/** Remembers what is wrong with it until the running test ends. */
export function holdToCatalogue(event: Stored, options: { anySender?: boolean } = {}): void {
  const problem = nonconformity(event, options)
  if (problem === undefined || problems.length >= 20) return
  const { tag, data, origin } = event
  problems.push(`${problem}\n    ${tag} of ${formatOrigin(origin)}: ${JSON.stringify(data).slice(0, 2000)}`)
}
