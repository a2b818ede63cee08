// The beacons of one minion: those of the config and of the pillar, and over them what people have changed by calls.
import { isObject } from '../base/json.ts'
import { withEnabled } from './entry.ts'

export type BeaconSource = 'config' | 'pillar' | 'added'

/** What people have made of a beacon; under the name '' of all of them. */
export interface BeaconChange {
  /** As it was added, or modified. */
  item?: unknown
  /** One of the config is not to be. */
  removed?: true
  enabled?: boolean
}

export interface Listed {
  source: BeaconSource
  /** As it was given, with what was changed since. */
  given: unknown
}

export interface BeaconBook {
  /** All that this source gives, in place of what it gave before. */
  give(source: 'config' | 'pillar', beacons: Readonly<Record<string, unknown>>): void
  /** Undefined: what people made of it is undone. */
  change(name: string, change: BeaconChange | undefined): void
  changes(): ReadonlyMap<string, BeaconChange>
  /** By name. */
  listed(): ReadonlyMap<string, Listed>
  isIn(source: 'config' | 'pillar', name: string): boolean
  /** Whether any of them looks; undefined where nobody has said it. */
  enabled(): unknown
}

/** Whose name is none for a beacon, and is who changes all of them. */
export const ALL = ''
const ENABLED = 'enabled'

export function createBeaconBook(kept: ReadonlyMap<string, BeaconChange>): BeaconBook {
  const given = { config: {} as Readonly<Record<string, unknown>>, pillar: {} as Readonly<Record<string, unknown>> }
  const changes = new Map(kept)
  const isIn = (source: 'config' | 'pillar', name: string) => name !== ENABLED && Object.hasOwn(given[source], name)

  return {
    give(source, beacons) {
      given[source] = beacons
    },
    change(name, change) {
      if (change === undefined || Object.keys(change).length === 0) changes.delete(name)
      else changes.set(name, change)
    },
    changes: () => changes,
    listed() {
      const listed = new Map<string, Listed>()
      // What the config says goes before what the pillar says, as in Salt; what people say goes before both.
      for (const source of ['pillar', 'config'] as const)
        for (const [name, one] of Object.entries(given[source])) {
          const { removed, enabled } = changes.get(name) ?? {}
          if (name === ENABLED || (source === 'config' && removed)) continue
          const isChanged = source === 'config' && enabled !== undefined
          listed.set(name, { source, given: isChanged ? withEnabled(one, enabled) : one })
        }
      for (const [name, change] of changes)
        if (Object.hasOwn(change, 'item')) listed.set(name, { source: 'added', given: change.item })
      return listed
    },
    isIn,
    enabled: () => changes.get(ALL)?.enabled ?? given.config[ENABLED] ?? given.pillar[ENABLED],
  }
}

/** One that is to be, or not, from its change as it was. */
export function enabledChange(change: BeaconChange, enabled: boolean): BeaconChange {
  return Object.hasOwn(change, 'item') ? { ...change, item: withEnabled(change.item, enabled) } : { ...change, enabled }
}

/** Throws where it is none. */
export function readChange(value: unknown): BeaconChange {
  if (!isObject(value)) throw new Error('expected {item}, {removed} or {enabled}')
  return value as BeaconChange
}
