// What people see of beacons, in Salt's words.
import { stringify } from 'yaml'
import { isObject } from '../base/json.ts'
import { redactSecrets } from '../base/redact.ts'
import type { BeaconOperations } from '../functions/beacon-operations.ts'
import type { BeaconBook, BeaconSource } from './book.ts'
import type { BeaconEngine } from './engine.ts'
import type { Beacons } from './load.ts'

export interface BeaconViewParts {
  book: BeaconBook
  beacons: Pick<Beacons, 'names'>
  engine: Pick<BeaconEngine, 'problem'>
}

export function createBeaconViews(parts: BeaconViewParts): Pick<BeaconOperations, 'list' | 'list_available'> {
  const { book, beacons, engine } = parts
  return {
    list({ return_yaml = true, include_pillar = true, include_opts = true } = {}) {
      const isMeant = (source: BeaconSource) => (source === 'pillar' ? include_pillar : include_opts)
      const shown: Record<string, unknown> = {}
      for (const [name, { source, given }] of book.listed())
        if (isMeant(source)) shown[name] = withProblem(redactSecrets(given), engine.problem(name))
      // As in Salt it is there once somebody has said it.
      const enabled = book.enabled()
      if (enabled !== undefined) shown.enabled = enabled
      return return_yaml ? yaml({ beacons: shown }) : shown
    },
    list_available: (return_yaml = true) => (return_yaml ? yaml({ beacons: beacons.names() }) : beacons.names()),
  }
}

const yaml = (value: unknown) =>
  stringify(value, { sortMapEntries: true, indentSeq: false, singleQuote: true, lineWidth: 0 })

function withProblem(given: unknown, problem: string | undefined): unknown {
  if (problem === undefined) return given ?? []
  if (isObject(given)) return { ...given, _error: problem }
  return [...(Array.isArray(given) ? given : []), { _error: problem }]
}
