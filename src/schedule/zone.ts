// Time zones, by their IANA names, and when their clocks show a time.
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

const DAY_MS = 86_400_000

/**
 * The first moment at which the clock of a zone shows `wall` or later; both are milliseconds, `wall` as if the clock were of UTC.
 * So a time that comes twice is the first of the two, and one that is left out is the moment at which the clock leaps over it.
 * No two times change places, whatever the clock does between them.
 */
export function instantOf(wall: number, zone: string): number {
  const offset = offsetsOf(zone)
  const around = [offset(wall - DAY_MS), offset(wall + DAY_MS)]
  const early = wall - Math.max(...around)
  const late = wall - Math.min(...around)
  for (const at of [early, late]) if (at + offset(at) === wall) return at
  let [before, leapt] = [early, late]
  while (leapt - before > 1) {
    const at = Math.floor((before + leapt) / 2)
    if (at + offset(at) < wall) before = at
    else leapt = at
  }
  return leapt
}

/** What its clock shows, as if it were of UTC. */
export const wallOf = (ms: number, zone: string): number => ms + offsetsOf(zone)(ms)

const offsetsOf = (zone: string) => {
  const known = IANAZone.create(zone)
  return (ms: number): number => known.offset(ms) * 60_000
}
