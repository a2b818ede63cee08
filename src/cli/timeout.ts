// The option `--timeout` of commands that wait for something.
import { InvalidArgumentError, Option } from 'commander'
import { parseDuration } from '../base/duration.ts'
import { errorMessage } from '../base/errors.ts'

/** `-t, --timeout <duration>`; its value is in milliseconds. */
export function timeoutOption(what: string, fallback: string): Option {
  return new Option('-t, --timeout <duration>', what).argParser(parse).default(parse(fallback), fallback)
}

function parse(text: string): number {
  try {
    return parseDuration(text)
  } catch (error) {
    throw new InvalidArgumentError(errorMessage(error))
  }
}
