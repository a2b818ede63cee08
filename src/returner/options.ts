// The settings of a returner, by Salt's names: `mysql.host` in the config; with `return_config: other` what stands under
// `other.mysql.host` comes before it, and `return_kwargs` before both.
import { z } from 'zod'
import { ReactorError } from '../base/errors.ts'
import { didYouMean } from '../base/suggest.ts'
import type { ReturnerDefinition } from '../functions/define-returner.ts'
import type { Returners } from './load.ts'

/** `mysql.host`, `other.mysql.host` → value. */
export type ReturnerSettings = Readonly<Record<string, unknown>>

export interface Alternative {
  return_config?: string | undefined
  /** Meant for each returner of a call: of these one takes those that it has. */
  return_kwargs?: Readonly<Record<string, unknown>> | undefined
}

/** Throws `bad_config` naming the setting, what was expected and what was given. */
export function optionsOf(
  name: string,
  { options }: Pick<ReturnerDefinition, 'options'>,
  settings: ReturnerSettings,
  { return_config, return_kwargs = {} }: Alternative = {},
): Record<string, unknown> {
  const given = new Map<string, unknown>()
  // As Salt has it for some of its returners: `returner.sqlite.database`; and `alternative.mysql.host`.
  for (const prefix of [`returner.${name}.`, `${name}.`, ...(return_config ? [`${return_config}.${name}.`] : [])])
    for (const [key, value] of Object.entries(settings))
      if (key.startsWith(prefix)) given.set(key.slice(prefix.length), value)
  const known = Object.keys(options)
  for (const [key, value] of Object.entries(return_kwargs)) if (known.includes(key)) given.set(key, value)
  for (const key of given.keys())
    if (!known.includes(key))
      throw new ReactorError('bad_config', `unknown setting '${name}.${key}'.${didYouMean(key, known)}`)
  const parsed = z.strictObject({ ...options }).safeParse(Object.fromEntries(given))
  if (parsed.success) return parsed.data
  const said = parsed.error.issues.map(issue => {
    const key = issue.path.join('.')
    return given.has(String(issue.path[0]))
      ? `'${name}.${key}': ${issue.message}`
      : `'${name}.${key}' is missing in the config`
  })
  throw new ReactorError('bad_config', said.join('; '))
}

/** Of `return_kwargs` those that none of a call's returners has; of a returner that does not load nothing is known. */
export async function unknownToAll(
  names: readonly string[],
  return_kwargs: Readonly<Record<string, unknown>>,
  returners: Pick<Returners, 'load'>,
): Promise<string[]> {
  const loaded = await Promise.allSettled(names.map(name => returners.load(name)))
  const options = loaded.flatMap(one => (one.status === 'fulfilled' ? [Object.keys(one.value.options)] : []))
  if (options.length === 0) return []
  return Object.keys(return_kwargs).filter(key => !options.some(known => known.includes(key)))
}

/** What is wrong with settings as a whole: those of a returner that is not there. */
export function strayNames(settings: ReturnerSettings, returners: Returners): string[] {
  const names = new Set(returners.names())
  return Object.keys(settings).filter(
    key =>
      !key
        .split('.')
        .slice(0, -1)
        .some(part => names.has(part)),
  )
}
