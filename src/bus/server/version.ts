// Which nats-servers will do: reads a version as the server says it and compares it with the oldest one that works.
import { ReactorError } from '../../base/errors.ts'

/** Message schedules came with 2.12; an older server ignores them in silence, so it has to be refused. */
export const MINIMUM_SERVER = '2.12.0'

/** The version that is fetched where none is installed. */
export const FETCHED_SERVER = '2.14.0'

const VERSION = /(?:^|[\sv])(\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?)(?=\s|$)/

/** `2.14.0` of `nats-server: v2.14.0`, `v2.14.0` or `2.14.0` (a pre-release keeps its suffix); undefined of anything else. */
export function parseServerVersion(text: string): string | undefined {
  return VERSION.exec(text)?.[1]
}

/** Whether that version is at least MINIMUM_SERVER; a pre-release counts as older than its release. */
export function isSupported(version: string): boolean {
  const parsed = parseServerVersion(version)
  if (parsed === undefined) return false
  const [numbers, preRelease] = split(parsed)
  const [minimum] = split(MINIMUM_SERVER)
  for (const [index, least] of minimum.entries()) {
    const number = numbers[index] ?? 0
    if (number !== least) return number > least
  }
  return preRelease === undefined
}

/** Throws `server_version` unless the server, found on disk or connected to, is new enough. */
export function requireServerVersion(version: string): void {
  if (isSupported(version)) return
  const what =
    parseServerVersion(version) === undefined
      ? `the nats-server's version '${version}' cannot be read`
      : `nats-server ${version} is too old: it would silently ignore message schedules and limits`
  throw new ReactorError('server_version', `${what}; ${MINIMUM_SERVER} or newer is needed, so upgrade that server`, {
    version,
    minimum: MINIMUM_SERVER,
  })
}

function split(version: string): [numbers: number[], preRelease: string | undefined] {
  const dash = version.indexOf('-')
  const numbers = dash < 0 ? version : version.slice(0, dash)
  return [numbers.split('.').map(Number), dash < 0 ? undefined : version.slice(dash + 1)]
}
