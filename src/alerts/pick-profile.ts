// Finds the profile that a call names, and says which ones there are where it does not exist.
import { ReactorError } from '../base/errors.ts'
import { didYouMean } from '../base/suggest.ts'
import type { Profiles } from '../functions/context.ts'

/** The profile's settings, `undefined` where the call names none. Throws `bad_argument` with the known names. */
export function pickProfile<T>(kind: 'smtp' | 'http', name: string | undefined, profiles: Profiles): T | undefined {
  if (name === undefined) return undefined
  if (Object.hasOwn(profiles, name)) return profiles[name] as T
  const names = Object.keys(profiles)
  throw new ReactorError(
    'bad_argument',
    `profile: there is no ${kind} profile '${name}'.${didYouMean(name, names)} ${knownProfiles(kind, profiles)}`,
    { profile: name },
  )
}

/** `Known smtp profiles: a, b.`, or where to write one. */
export function knownProfiles(kind: 'smtp' | 'http', profiles: Profiles): string {
  const names = Object.keys(profiles).sort()
  if (names.length === 0) return `No ${kind} profile is in this process's config.`
  return `Known ${kind} profiles: ${names.join(', ')}.`
}
