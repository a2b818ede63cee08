// The address of an HTTP call: joined to a profile's base, its parameters added, and held to the hosts it may go to.
import { ReactorError } from '../base/errors.ts'
import { isLoopback } from '../base/loopback.ts'
import type { HttpProfile } from './profiles.ts'

export type ParamValue = string | number | boolean
export type Params = Readonly<Record<string, ParamValue | readonly ParamValue[]>>

/** Throws `bad_argument` for an address that is none, is not http(s), or that the profile does not allow. */
export function buildUrl(text: string | undefined, params: Params | undefined, profile: HttpProfile | undefined): URL {
  const base = profile?.url === undefined ? undefined : new URL(profile.url)
  const url = resolveUrl(text, base)
  if (profile && !isAllowed(url, profile)) {
    throw refuse(
      `url: the profile does not go to ${url.origin}; add its host to the profile's allow_hosts (https only)`,
    )
  }
  for (const [name, value] of Object.entries(params ?? {})) {
    for (const item of [value].flat()) url.searchParams.append(name, String(item))
  }
  return url
}

/** True for the profile's own origin and for its `allow_hosts`, which take no plain http outside this machine. */
export function isAllowed(url: URL, profile: HttpProfile): boolean {
  if (profile.url !== undefined && new URL(profile.url).origin === url.origin) return true
  const listed = profile.allow_hosts?.some(host => [url.host, url.hostname].includes(host.toLowerCase())) ?? false
  return listed && (url.protocol === 'https:' || isLoopback(url.hostname))
}

function resolveUrl(text: string | undefined, base: URL | undefined): URL {
  if (!text) {
    if (base) return new URL(base)
    throw refuse("url: missing: give 'url', or a 'profile' that has one")
  }
  if (/^[a-z][a-z0-9+.-]*:/i.test(text) || !base) return parseAbsolute(text)
  const root = base.pathname.replace(/\/$/, '')
  // Concatenated and not resolved, so that `//other.host/` stays a path under the base.
  const url = new URL(`${base.origin}${root}/${text.replace(/^[/\\]+/, '')}`)
  if (!`${url.pathname}/`.startsWith(`${root}/`)) throw refuse(`url: '${text}' leaves the path of the profile's url`)
  for (const [name, value] of base.searchParams) url.searchParams.append(name, value)
  return url
}

function parseAbsolute(text: string): URL {
  // What does not parse is not shown: where its password begins and ends cannot be told.
  if (!URL.canParse(text)) throw refuse('url: expected an address such as https://example.com/path')
  const url = new URL(text)
  if (url.protocol === 'http:' || url.protocol === 'https:') return url
  throw refuse(`url: '${url.protocol}' is not supported; expected http: or https:, such as https://example.com/path`)
}

function refuse(what: string): ReactorError {
  return new ReactorError('bad_argument', `http.query ${what}`)
}
