// What people do with the beacons of a minion, in Salt's words and with Salt's answers: the functions of the module `beacons`.
// A change is in force before it is answered, and stays over restarts once it is saved.
import { isDeepStrictEqual } from 'node:util'
import { errorMessage } from '../base/errors.ts'
import { isObject } from '../base/json.ts'
import { redactSecrets } from '../base/redact.ts'
import { didYouMean } from '../base/suggest.ts'
import { unifiedDiff } from '../execution/files/unified.ts'
import type { BeaconAnswer, BeaconOperations } from '../functions/beacon-operations.ts'
import { ALL, type BeaconBook, type BeaconChange, enabledChange } from './book.ts'
import type { BeaconEngine } from './engine.ts'
import { asMap, moduleOf, readBeacon } from './entry.ts'
import type { Beacons } from './load.ts'
import { createBeaconViews } from './views.ts'

export interface BeaconOperateParts {
  book: BeaconBook
  beacons: Beacons
  engine: Pick<BeaconEngine, 'apply' | 'problem'>
  /** Keeps over restarts that people made this of beacons, and nothing else; says where. Throws `unwritable`. */
  keep(changes: ReadonlyMap<string, BeaconChange>): Promise<string>
}

const failed = (comment: string): BeaconAnswer => ({ result: false, comment })
const done = (comment: string): BeaconAnswer => ({ result: true, comment })

export function createBeaconOperations({ book, beacons, engine, keep }: BeaconOperateParts): BeaconOperations {
  const put = async (name: string, change: BeaconChange | undefined) => {
    book.change(name, change)
    await engine.apply()
  }
  const changeOf = (name: string) => book.changes().get(name) ?? {}
  const ofPillar = (verb: string, name: string) =>
    book.isIn('pillar', name) ? failed(`Cannot ${verb} beacon item ${name}, it is configured in pillar.`) : undefined
  const near = (name: string) => didYouMean(name, book.listed().keys())
  /** Why it cannot be taken; undefined: it can. */
  const invalid = async (name: string, given: unknown, verb: string): Promise<BeaconAnswer | undefined> => {
    try {
      const module = moduleOf(name, given)
      if (!beacons.names().includes(module))
        return failed(`Beacon "${module}" is not available.${didYouMean(module, beacons.names())}`)
      await readBeacon(name, given, beacons)
      return undefined
    } catch (error) {
      return failed(`Beacon ${name} configuration invalid, not ${verb}.\n${errorMessage(error)}`)
    }
  }
  const setOne = async (name: string, enabled: boolean, test: boolean): Promise<BeaconAnswer> => {
    const word = enabled ? 'enable' : 'disable'
    if (!book.listed().has(name)) return failed(`Beacon ${name} is not currently configured.${near(name)}`)
    const refusal = ofPillar(word, name)
    if (refusal) return refusal
    if (test) return done(`Beacon ${name} would be ${word}d.`)
    await put(name, enabledChange(changeOf(name), enabled))
    return done(`${enabled ? 'Enabled' : 'Disabled'} beacon ${name} on minion.`)
  }
  const setAll = async (enabled: boolean, test: boolean): Promise<BeaconAnswer> => {
    if (test) return done(`Beacons would be ${enabled ? 'enabled' : 'disabled'}.`)
    await put(ALL, { enabled })
    return done(`${enabled ? 'Enabled' : 'Disabled'} beacons on minion.`)
  }
  return {
    ...createBeaconViews({ book, beacons, engine }),
    async add(name, given, test = false) {
      if (book.listed().has(name)) return done(`Beacon ${name} is already configured.`)
      const refusal = await invalid(name, given, 'adding')
      if (refusal) return refusal
      if (test) return done(`Beacon: ${name} would be added.`)
      await put(name, { item: given })
      return done(`Added beacon: ${name}.`)
    },
    async modify(name, given, test = false) {
      const listed = book.listed().get(name)
      if (!listed) return failed(`Beacon ${name} is not configured.${near(name)}`)
      const refusal = ofPillar('modify', name) ?? (await invalid(name, given, 'modifying'))
      if (refusal) return refusal
      if (test) return done(`Beacon: ${name} would be modified.`)
      if (isDeepStrictEqual(given, listed.given)) return done(`Job ${name} in correct state`)
      const diff = unifiedDiff(linesOf(listed.given), linesOf(given))
      await put(name, { item: given })
      return { ...done(`Modified beacon: ${name}.`), changes: { diff } }
    },
    async delete(name, test = false) {
      const refusal = ofPillar('delete', name)
      if (refusal) return refusal
      if (!book.listed().has(name)) return failed(`Beacon item ${name} not found.${near(name)}`)
      if (test) return done(`Beacon: ${name} would be deleted.`)
      await put(name, book.isIn('config', name) ? { removed: true } : undefined)
      return done(`Deleted beacon: ${name}.`)
    },
    enable_beacon: (name, test = false) => setOne(name, true, test),
    disable_beacon: (name, test = false) => setOne(name, false, test),
    enable: (test = false) => setAll(true, test),
    disable: (test = false) => setAll(false, test),
    async save() {
      try {
        return done(`Beacons saved to ${await keep(book.changes())}.`)
      } catch (error) {
        return failed(`Unable to write to beacons file: ${errorMessage(error)}`)
      }
    },
    /** As Salt's: what is left are those of the pillar. */
    async reset(test = false) {
      if (test) return done('Beacons would be reset.')
      const names = [...book.listed()].flatMap(([name, { source }]) => (source === 'pillar' ? [] : [name]))
      for (const name of [...names, ALL]) book.change(name, book.isIn('config', name) ? { removed: true } : undefined)
      await engine.apply()
      return done('Beacon configuration reset.')
    },
  }
}

/** As Salt has them in its diff: an option a line. What cannot be read has none. */
function linesOf(given: unknown): string {
  try {
    return Object.entries(asMap(redactSecrets(given)))
      .map(([key, value]) => `${key}:${isObject(value) || Array.isArray(value) ? JSON.stringify(value) : value}\n`)
      .join('')
  } catch {
    return ''
  }
}
