// Time zones, by their IANA names.
import { IANAZone } from 'luxon'
import { ReactorError } from '../base/errors.ts'
import { didYouMean } from '../base/suggest.ts'

/** The zone of this machine. */
export const localZone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone

/** Throws `bad_argument` where there is no such zone. */
export function readZone(name: string): string {
  if (IANAZone.isValidZone(name)) return name
  const hint = didYouMean(name, Intl.supportedValuesOf('timeZone'))
  throw new ReactorError(
    'bad_argument',
    `there is no time zone '${name}'; zones are such as Europe/Berlin or UTC.${hint}`,
  )
}
