// Options that take a duration; their values are in milliseconds.
import { InvalidArgumentError, Option } from 'commander'
import { parseDuration } from '../base/duration.ts'
import { errorMessage } from '../base/errors.ts'

/** `-t, --timeout <duration>` of commands that wait for something. */
export const timeoutOption = (what: string, fallback: string): Option =>
  durationOption('-t, --timeout <duration>', what).default(readDuration(fallback), fallback)

export const durationOption = (flags: string, what: string): Option => new Option(flags, what).argParser(readDuration)

export function readDuration(text: string): number {
  try {
    return parseDuration(text)
  } catch (error) {
    throw new InvalidArgumentError(errorMessage(error))
  }
}
