// Opening returners by name, with the settings of the process's config; each of one name and one set of options is open once.
import { errorMessage, ReactorError } from '../base/errors.ts'
import { canonicalJson } from '../base/json.ts'
import {
  CAPABILITIES,
  type Capability,
  type ReturnerContext,
  type ReturnerStore,
} from '../functions/define-returner.ts'
import type { Returners } from './load.ts'
import { type Alternative, optionsOf, type ReturnerSettings } from './options.ts'
import { withinTime } from './time-limit.ts'

export interface Stores {
  /**
   * Throws `bad_config` where there is no such returner, its settings do not fit, or it cannot do what is `needed`; `timeout`
   * where it does not come to an end of opening.
   */
  open(name: string, alternative?: Alternative, needed?: readonly Capability[]): Promise<ReturnerStore>
  /** Closes all; a store that does not close is left. */
  close(): Promise<void>
}

export interface StoresParts extends Omit<ReturnerContext, 'open'> {
  returners: Returners
  settings: ReturnerSettings
  /** What a returner gets to load, and to open; default: a minute each. */
  openWithinMs?: number
}

const OPEN_WITHIN_MS = 60_000

export function createStores(parts: StoresParts): Stores {
  const { returners, settings, openWithinMs = OPEN_WITHIN_MS, ...context } = parts
  const opened = new Map<string, Promise<ReturnerStore>>()

  /** `from`: those that are being opened, of which this one hands on to the next. */
  const openFrom = async (from: readonly string[], name: string, alternative: Alternative): Promise<ReturnerStore> => {
    if (from.includes(name))
      throw new ReactorError('bad_config', `returners hand on to each other: ${[...from, name].join(' → ')}`)
    const definition = await withinTime(openWithinMs, `loading the returner '${name}'`, () => returners.load(name))
    const options = optionsOf(name, definition, settings, alternative)
    const key = `${name}\n${canonicalJson(options)}\n${alternative.return_config ?? ''}`
    let store = opened.get(key)
    if (!store) {
      // What a call says beside the config is of this one alone.
      const { return_config } = alternative
      const open = (inner: string) => openFrom([...from, name], inner, { return_config })
      const opening = Promise.resolve(definition.open(options, { ...context, open }))
      store = withinTime(openWithinMs, `opening the returner '${name}'`, () => opening)
      opened.set(key, store)
      store.catch(() => {
        opened.delete(key)
        // It may come to be open after all, when nobody waits for it.
        opening.then(late => late.close()).catch(() => undefined)
      })
    }
    return store
  }
  const open: Stores['open'] = async (name, alternative = {}, needed = []) => {
    const store = await openFrom([], name, alternative)
    const missing = needed.filter(one => store[one] === undefined)
    if (missing.length === 0) return store
    const can = CAPABILITIES.filter(one => store[one] !== undefined)
    throw new ReactorError(
      'bad_config',
      `the returner '${name}' has no ${missing.join(', ')}: it has ${can.join(', ')}`,
    )
  }

  return {
    open,
    async close() {
      const all = [...opened.values()]
      opened.clear()
      await Promise.all(
        all.map(async store => {
          try {
            await (await store).close()
          } catch (error) {
            context.log.warn({ error: errorMessage(error) }, 'a store of job results did not close')
          }
        }),
      )
    },
  }
}
