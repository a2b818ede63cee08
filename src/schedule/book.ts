// The entries of one schedule: those of the config and of the pillar, and over them what people have changed by calls. One that
// is wrong is refused by itself; the others go on.
import { errorMessage, ReactorError } from '../base/errors.ts'
import { type Entry, type Reading, readEntry } from './entry.ts'
import { type Item, readItem } from './item.ts'
import { isSetting, readSettings, type Settings } from './settings.ts'

export type Source = 'config' | 'pillar' | 'added'

/** What people have made of an entry; under the name '' of the whole schedule. */
export interface Change {
  /** As it was added, or modified. */
  item?: Item
  /** One of the config is not to be. */
  removed?: true
  enabled?: boolean
}

export interface Noted<Call> {
  source: Source
  /** As it was given, with what was changed since; lists show it. */
  item: Item
  entry: Entry<Call>
}

export interface Refused {
  name: string
  source: Source
  problem: string
}

export interface Book<Call> {
  /** All that this source gives, in place of what it gave before. */
  give(source: 'config' | 'pillar', schedule: Readonly<Record<string, unknown>>): void
  /** Those that are given by name and in pillar; undefined: as they were written. */
  setWhens(whens: Readonly<Record<string, string>>): void
  /** Undefined: what people made of it is undone. */
  change(name: string, change: Change | undefined): void
  /** What people made of entries is this, and nothing else. */
  changeAll(all: ReadonlyMap<string, Change>): void
  changeOf(name: string): Change
  /** Throws `bad_argument`. */
  read(name: string, given: unknown): Entry<Call>
  entries(): ReadonlyMap<string, Noted<Call>>
  refused(): readonly Refused[]
  settings(): Settings
}

/** Who changes the whole schedule. */
export const WHOLE = ''

/** `callOf`: throws `bad_argument`, or another refusal, of what cannot be called where it comes from. */
export function createBook<Call>(
  callOf: (item: Item, source: Source) => Call,
  changes: Map<string, Change> = new Map(),
): Book<Call> {
  const given = { config: {} as Readonly<Record<string, unknown>>, pillar: {} as Readonly<Record<string, unknown>> }
  let whens: Readonly<Record<string, string>> = {}
  let made: { entries: Map<string, Noted<Call>>; refused: Refused[]; settings: Settings } | undefined
  /** Read before: of thousands of entries a change is about one. */
  let known = new Map<string, { value: unknown; enabled: boolean | undefined; read: Noted<Call> | Refused }>()
  /** What all of them hang on. */
  let knownFor = ''

  const make = () => {
    const refused: Refused[] = []
    const entries = new Map<string, Noted<Call>>()
    const both = { ...given.pillar, ...given.config }
    const settings = readSettings(both, (name, error) =>
      refused.push({ name, source: 'config', problem: errorMessage(error) }),
    )
    settings.enabled = changes.get(WHOLE)?.enabled ?? settings.enabled
    const reading = (source: Source): Reading<Call> => ({ settings, whens, callOf: item => callOf(item, source) })
    const isFor = JSON.stringify([whens, Object.entries(both).filter(([name]) => isSetting(name))])
    const before = isFor === knownFor ? known : new Map<string, never>()
    known = new Map()
    knownFor = isFor
    const readOne = (source: Source, name: string, value: unknown, enabled: boolean | undefined) => {
      try {
        const item = { ...readItem(value), ...(enabled === undefined ? {} : { enabled }) }
        const entry = readEntry(name, item, reading(source))
        return { source, item: entry.item, entry }
      } catch (error) {
        return { name, source, problem: errorMessage(error) }
      }
    }
    const note = (source: Source, name: string, value: unknown) => {
      const { enabled } = changes.get(name) ?? {}
      const key = `${source} ${name}`
      const old = before.get(key)
      const one =
        old && old.value === value && old.enabled === enabled
          ? old
          : { value, enabled, read: readOne(source, name, value, enabled) }
      known.set(key, one)
      if ('problem' in one.read) refused.push(one.read)
      else entries.set(name, one.read)
    }
    // What the config says goes before what the pillar says, as in Salt; what people say goes before both.
    for (const source of ['pillar', 'config'] as const)
      for (const [name, value] of Object.entries(given[source]))
        if (!isSetting(name) && !changes.get(name)?.removed) note(source, name, value)
    for (const [name, { item }] of changes) if (item) note('added', name, item)
    return { entries, refused, settings }
  }
  const now = () => {
    made ??= make()
    return made
  }
  return {
    give(source, schedule) {
      given[source] = schedule
      made = undefined
    },
    setWhens(by) {
      whens = by
      made = undefined
    },
    change(name, change) {
      if (change === undefined || Object.keys(change).length === 0) changes.delete(name)
      else changes.set(name, change)
      made = undefined
    },
    changeAll(all) {
      changes.clear()
      for (const [name, change] of all) changes.set(name, change)
      made = undefined
    },
    changeOf: name => changes.get(name) ?? {},
    read(name, value) {
      if (isSetting(name))
        throw new ReactorError('bad_argument', `'${name}' is a setting of the whole schedule, and no name for an entry`)
      return readEntry(name, value, { settings: now().settings, whens, callOf: item => callOf(item, 'added') })
    },
    entries: () => now().entries,
    refused: () => now().refused,
    settings: () => now().settings,
  }
}
