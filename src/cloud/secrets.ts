// What is secret of providers, profiles and the minions that they make: found, hidden where it is shown, refused where a call gives it.
import { ReactorError } from '../base/errors.ts'
import { isObject } from '../base/json.ts'
import { isSecretKey, REDACTED, redactSecrets } from '../base/redact.ts'
import { withoutPassword } from '../bus/connect.ts'

type IsSecret = (key: string) => boolean
type Settings = Record<string, unknown>

/** All texts under keys of secrets, however deep. */
export function secretsIn(value: unknown, isSecret: IsSecret, under = false): string[] {
  if (typeof value === 'string') return under ? [value] : []
  if (Array.isArray(value)) return value.flatMap(item => secretsIn(item, isSecret, under))
  if (!isObject(value)) return []
  return Object.entries(value).flatMap(([key, inner]) => secretsIn(inner, isSecret, under || isSecret(key)))
}

/** The same of settings of a minion. */
export function minionSecrets(minion: Settings, isSecret: IsSecret = isSecretKey): string[] {
  // What names a file is no secret, and errors say which it is.
  const tokens = secretsIn(minion.join, isSecret, true).filter(text => !text.startsWith('@'))
  return [...secretsIn(minion, isSecret), ...tokens, ...passwordsIn(minion.servers)]
}

/** The value with `[redacted]` under the key of every secret. */
export function hidden(value: unknown, isSecret: IsSecret): unknown {
  if (Array.isArray(value)) return value.map(item => hidden(item, isSecret))
  if (!isObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, isSecret(key) ? REDACTED : hidden(inner, isSecret)]),
  )
}

/** Settings of a minion without secrets: a token and passwords in addresses stand under keys that do not say so. */
export function shownMinion(minion: Settings): Settings {
  const { join, servers } = minion
  return {
    ...(redactSecrets(minion) as Settings),
    ...(join === undefined ? {} : { join: REDACTED }),
    ...(servers === undefined
      ? {}
      : { servers: Array.isArray(servers) ? servers.map(shownServer) : shownServer(servers) }),
  }
}

/** Throws `bad_argument` on a secret that the record of a call would show. */
export function requireNoSecrets(options: Settings, isSecret: IsSecret): void {
  const path = pathOf(options, key => isSecret(key) && !isSecretKey(key)) ?? minionPath(options.minion)
  if (path === undefined) return
  throw new ReactorError(
    'bad_argument',
    `'${path.join('.').slice(0, 300)}' is a secret, and calls are kept and shown: say it in the config, under cloud.providers or cloud.profiles. This call is kept too: take another secret`,
  )
}

const shownServer = (server: unknown): unknown => (typeof server === 'string' ? withoutPassword(server) : REDACTED)

const passwordsIn = (servers: unknown): string[] =>
  [servers].flat().flatMap(server => (typeof server === 'string' ? passwordIn(server) : []))

/** What stands behind the user's name in an address, or a token in the place of both. */
function passwordIn(server: string): string[] {
  const found = /^(?:\s*[a-z][a-z\d+.-]*:\/\/)?([^:@]*)(?::(.*))?@/is.exec(server)
  return found ? [found[2] ?? found[1]!] : []
}

function minionPath(minion: unknown): string[] | undefined {
  if (!isObject(minion)) return undefined
  if (minion.join !== undefined) return ['minion', 'join']
  return passwordsIn(minion.servers).length > 0 ? ['minion', 'servers'] : undefined
}

/** To the first key that is so, however deep. */
function pathOf(value: unknown, isSo: IsSecret): string[] | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  for (const [key, inner] of Object.entries(value)) {
    if (isSo(key)) return [key]
    const below = pathOf(inner, isSo)
    if (below) return [key, ...below]
  }
  return undefined
}
