// The stores that a minion gives returns to. Nothing of a returner is loaded before the first return that is for it.
import { systemClock } from '../base/clock.ts'
import { ReactorError } from '../base/errors.ts'
import type { ReturnerContext, ReturnerStore } from '../functions/define-returner.ts'
import { findReturners, LOCAL, type Returners } from '../returner/load.ts'
import { createStores, type Stores } from '../returner/open.ts'
import { type ReturnerSettings, unknownToAll } from '../returner/options.ts'
import { type Destination, destinationKey } from './returner-spool.ts'

export interface ReturnerStores {
  /** Throws `bad_config` or `bad_module`, with the setting that names it, where there is one that can never take a return. */
  check(names: readonly string[], setting: 'ext_job_cache' | 'schedule_returner'): Promise<void>
  /**
   * Throws `bad_argument` where a call asks for what this minion does not have: no such returner, settings of the call that do
   * not fit; anything else where a later try may do.
   */
  open(to: Destination): Promise<ReturnerStore>
  /** Of settings that a call brought along those that none of its returners has; of what cannot be loaded nothing is said. */
  unknownSettings(returners: readonly string[], settings: Readonly<Record<string, unknown>>): Promise<string[]>
  /** Nothing waits for it: what a job's own settings have opened is closed. */
  release(to: Destination): void
  /** Closes all; what does not within so many milliseconds is left. */
  close(withinMs: number): Promise<void>
}

export interface ReturnerStoresParts extends Omit<ReturnerContext, 'open'> {
  moduleDirs: readonly string[]
  settings: ReturnerSettings
}

export function createReturnerStores({ moduleDirs, ...parts }: ReturnerStoresParts): ReturnerStores {
  let found: Promise<Returners> | undefined
  const find = () => {
    if (found) return found
    const finding = findReturners(moduleDirs)
    found = finding
    finding.catch(() => {
      found = undefined
    })
    return finding
  }
  const returners: Returners = {
    names: () => [],
    async load(name) {
      // Its file may have come since they were looked for.
      if (!(await find()).names().includes(name)) found = undefined
      return (await find()).load(name)
    },
  }
  const make = () => createStores({ ...parts, returners })
  const shared = make()
  /** Of each set of settings that jobs brought along: there may be any number. */
  const own = new Map<string, Stores>()

  const storesOf = (to: Destination): Stores => {
    if (!to.ret_kwargs && !to.ret_config) return shared
    const key = destinationKey(to)
    const stores = own.get(key) ?? make()
    own.set(key, stores)
    return stores
  }
  const open = (to: Destination) =>
    storesOf(to).open(to.returner, { return_config: to.ret_config, return_kwargs: to.ret_kwargs }, ['returner'])

  return {
    async open(to) {
      try {
        return await open(to)
      } catch (error) {
        if (!(error instanceof ReactorError) || error.code !== 'bad_config') throw error
        const isConfigured = storesOf(to) === shared && (await find()).names().includes(to.returner)
        if (isConfigured) throw error
        throw new ReactorError('bad_argument', error.message, {}, error)
      }
    },
    unknownSettings: (names, settings) => unknownToAll(names, settings, returners),
    async check(names, setting) {
      for (const returner of names.filter(name => name !== LOCAL)) {
        try {
          await open({ returner })
        } catch (error) {
          // What is only away now may be there when the first return comes.
          if (isHopeless(error)) throw new ReactorError(error.code, `${setting}: ${error.message}`, {}, error)
        }
      }
    },
    release(to) {
      const key = destinationKey(to)
      const stores = own.get(key)
      own.delete(key)
      void stores?.close()
    },
    async close(withinMs) {
      const late = new AbortController()
      await Promise.race([
        Promise.all([shared, ...own.values()].map(stores => stores.close())),
        systemClock.sleep(withinMs, late.signal).catch(() => undefined),
      ])
      late.abort()
    },
  }
}

/** There is no such returner, or its settings do not fit: what the config says of it can never work. */
const isHopeless = (error: unknown): error is ReactorError =>
  error instanceof ReactorError && (error.code === 'bad_config' || error.code === 'bad_module')
