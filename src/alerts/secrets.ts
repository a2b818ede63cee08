// Keeps secrets out of everything that leaves an alert: returns, errors and logs. A server may echo what it was sent,
// so known secrets are taken out of its words too.

const MASK = '[redacted]'
// Below this length a replacement would garble ordinary words and so give the secret away.
const SHORTEST = 4
const SECRET_PARAM = /token|secret|passw|signature|credential|(^|[_.-])(api_?key|key|sig|code|auth|pwd)$/i

export type Scrub = (text: string) => string

/** Replaces each secret, as it is and as base64 or URL encoding would write it, with `[redacted]`. */
export function createScrub(secrets: Iterable<string | undefined>): Scrub {
  const forms = new Set<string>()
  for (const secret of secrets) {
    if (secret === undefined || secret.length < SHORTEST) continue
    const base64 = Buffer.from(secret).toString('base64')
    for (const form of [secret, base64, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)]) {
      forms.add(form)
    }
  }
  // The longest first: a secret inside another one must not leave the rest of it standing.
  const ordered = [...forms].sort((a, b) => b.length - a.length)
  return text => ordered.reduce((rest, form) => rest.replaceAll(form, MASK), text)
}

/** The same value with every string in it scrubbed, keys included. */
export function scrubDeep(value: unknown, scrub: Scrub): unknown {
  if (typeof value === 'string') return scrub(value)
  if (Array.isArray(value)) return value.map(item => scrubDeep(item, scrub))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [scrub(key), scrubDeep(inner, scrub)]))
}

/** Values of query parameters whose name says that they are secret. */
export function secretParams(url: URL): string[] {
  return [...url.searchParams].filter(([name]) => SECRET_PARAM.test(name)).map(([, value]) => value)
}

/**
 * A URL as people may see it: no user and password, secret-looking parameters masked, and the path of `base` (a
 * profile's URL, where chat services put their secret) shown as `…`.
 */
export function displayUrl(url: URL, base?: URL): string {
  const shown = new URL(url)
  shown.username = ''
  shown.password = ''
  shown.hash = ''
  for (const name of new Set(shown.searchParams.keys())) {
    if (SECRET_PARAM.test(name)) shown.searchParams.set(name, 'redacted')
  }
  const secretPath = base?.origin === url.origin ? base.pathname.replace(/\/$/, '') : ''
  const path = secretPath && shown.pathname.startsWith(secretPath) ? shown.pathname.slice(secretPath.length) : undefined
  const search = base && base.origin === url.origin && base.search ? '' : shown.search
  return path === undefined ? `${shown.origin}${shown.pathname}${search}` : `${shown.origin}/…${path}${search}`
}

/** One line of at most `limit` characters, for a server's words inside an error. */
export function oneLine(text: string, limit = 500): string {
  const line = text.replace(/\s+/g, ' ').trim()
  return line.length > limit ? `${line.slice(0, limit)}…` : line
}

export { MASK }
