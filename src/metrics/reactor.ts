// Numbers of a reactor, read off what its parts count.
import type { CompiledBundle } from '../reactor/compiled-bundle.ts'
import type { Dispatcher } from '../reactor/dispatch.ts'
import { by, type Source } from './registry.ts'

export function dispatchSource(dispatcher: Pick<Dispatcher, 'stats'>): Source {
  return () => {
    const { events, wanted, inFlight, reactions, suppressed, parked } = dispatcher.stats()
    return {
      reactor_events_read_total: events,
      reactor_events_wanted_total: wanted,
      reactor_events_in_flight: inFlight,
      reactor_reactions_stored_total: by('rule', reactions, count => count),
      reactor_undecided_parked_total: by('rule', parked, count => count),
      reactor_suppressed_total: [...suppressed].flatMap(([rule, reasons]) =>
        [...reasons].map(([reason, value]) => ({ labels: { rule, reason }, value })),
      ),
    }
  }
}

/** `inForce` gives undefined until there is a bundle. */
export function bundleSource(inForce: () => CompiledBundle | undefined): Source {
  return () => {
    const bundle = inForce()
    if (!bundle) return {}
    const modes = { on: 0, shadow: 0, off: 0 }
    for (const { off, shadow, ofFailure } of bundle.entries)
      if (!ofFailure) modes[off ? 'off' : shadow ? 'shadow' : 'on'] += 1
    return {
      reactor_bundle_info: [{ labels: { hash: bundle.hash }, value: 1 }],
      reactor_rules: by('mode', Object.entries(modes), count => count),
    }
  }
}
