// Settings that no returner ever reads, said once at the start of a process: the name of a returner or of a setting is misspelt.
import { errorMessage } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { didYouMean } from '../base/suggest.ts'
import { findReturners, type Returners } from './load.ts'
import { type ReturnerSettings, strayNames } from './options.ts'

export interface StrayParts {
  module_dirs: readonly string[]
  returner_settings: ReturnerSettings
}

/** One warning for all of them. Never throws. */
export async function warnOfStraySettings({ module_dirs, returner_settings }: StrayParts, log: Log): Promise<void> {
  if (Object.keys(returner_settings).length === 0) return
  try {
    const settings = await straySettings(returner_settings, await findReturners(module_dirs))
    if (settings.length > 0) log.warn({ settings }, 'settings that no returner reads')
  } catch (error) {
    log.warn({ error: errorMessage(error) }, 'the settings of returners could not be checked')
  }
}

/** A sentence for each. A returner that has settings is loaded; of one that does not load nothing is said. Throws `bad_module`. */
export async function straySettings(settings: ReturnerSettings, returners: Returners): Promise<string[]> {
  const names = returners.names()
  const unnamed = strayNames(settings, returners)
  const misspelt = await Promise.all(
    Object.keys(settings)
      .filter(key => !unnamed.includes(key))
      .map(key => misspeltOption(key, names, returners)),
  )
  return [
    ...unnamed.map(key => `'${key}' is a setting of no returner that there is.${nearName(key, names)}`),
    ...misspelt.filter(one => one !== undefined),
  ]
}

const nearName = (key: string, names: readonly string[]): string => didYouMean(key.split('.').at(-2) ?? key, names)

/** `mysql.hots`, `other.mysql.hots`, `returner.mysql.hots`: undefined where there is such a setting. */
async function misspeltOption(
  key: string,
  names: readonly string[],
  returners: Returners,
): Promise<string | undefined> {
  const parts = key.split('.')
  const said: string[] = []
  for (const [n, name] of parts.slice(0, -1).entries()) {
    if (!names.includes(name)) continue
    const definition = await returners.load(name).catch(() => undefined)
    if (!definition) return undefined
    const known = Object.keys(definition.options)
    const option = parts.slice(n + 1).join('.')
    if (known.includes(option)) return undefined
    said.push(`'${key}': the returner '${name}' has no setting '${option}'.${didYouMean(option, known)}`)
  }
  return said[0]
}
