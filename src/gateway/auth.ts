// Whether a request is from who it should be: a token, or a signature over its raw body. Compared in constant time.
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { readSecret, type SecretSources } from '../alerts/secret-sources.ts'
import type { HookConfig } from '../config/gateway-schema.ts'
import { type Refusal, refused } from './refusal.ts'
import { type Scheme, schemeOf } from './schemes.ts'

export interface Auth {
  /** Before the body has come: what can be told by the headers. */
  early(headers: IncomingHttpHeaders): Refusal | undefined
  /** By the raw body. `key` names this request to whoever asks whether it came before. */
  check(headers: IncomingHttpHeaders, body: Uint8Array, nowMs: number): Refusal | { key: string | undefined }
  /** Headers that it reads, in small letters. */
  readonly headers: readonly string[]
  readonly secrets: readonly string[]
  /** A field of the body by which the sender's retries are known. */
  readonly field: string | undefined
  /** What its bodies are; undefined: anything. */
  readonly kinds: Scheme['kinds']
}

const SECONDS_DIGITS = 11

/** `place` names the hook in errors. Throws `bad_config` for a secret that is not there. */
export function createAuth(place: string, auth: HookConfig['auth'], sources: SecretSources = {}): Auth {
  const unauthorized = (error: string) =>
    refused(
      401,
      'unauthorized',
      error,
      auth === 'none' || auth.type === 'bearer' ? { 'www-authenticate': 'Bearer' } : {},
    )
  if (auth === 'none')
    return {
      early: () => undefined,
      check: () => ({ key: undefined }),
      headers: [],
      secrets: [],
      field: undefined,
      kinds: undefined,
    }

  const secrets = auth.secrets.map((ref, index) => readSecret(place, `auth.secrets[${index}]`, ref, sources))
  if (auth.type === 'bearer') {
    const header = auth.header ?? 'authorization'
    const wanted = secrets.map(digest)
    const wrong = unauthorized(
      auth.header ? `the header ${header} with a valid token is missing` : 'a valid Authorization: Bearer is missing',
    )
    return {
      early(headers) {
        const value = headers[header]
        if (typeof value !== 'string') return wrong
        const token = auth.header ? value : /^Bearer +(\S+)$/i.exec(value)?.[1]
        return token !== undefined && isAny(wanted, digest(token)) ? undefined : wrong
      },
      check: () => ({ key: undefined }),
      headers: [header],
      secrets,
      field: undefined,
      kinds: undefined,
    }
  }

  const scheme = schemeOf(auth)
  const missing = unauthorized('the signature is missing, or not as this sender writes it')
  const wrong = unauthorized('the signature is not valid')
  const early = (headers: IncomingHttpHeaders) => (scheme.read(headers) ? undefined : missing)
  return {
    early,
    check(headers, body, nowMs) {
      const signed = scheme.read(headers)
      if (!signed) return missing
      const { time, signatures } = signed
      if (scheme.tolerance !== undefined) {
        if (!/^\d{1,14}$/.test(time)) return unauthorized('the timestamp is no time')
        const ms = time.length > SECONDS_DIGITS ? Number(time) : Number(time) * 1000
        if (Math.abs(nowMs - ms) > scheme.tolerance)
          return unauthorized(`the timestamp is more than ${scheme.tolerance / 1000} s from now`)
      }
      const [before, after] = scheme.around(time)
      const given = signatures.map(text => Buffer.from(scheme.encoding === 'hex' ? text.toLowerCase() : text))
      const own = secrets.map(secret =>
        createHmac(scheme.algorithm, secret).update(before).update(body).update(after).digest(scheme.encoding),
      )
      let valid = false
      // No early end: how long it takes tells nobody which secret was near.
      for (const text of own) if (isAny(given, Buffer.from(text))) valid = true
      if (!valid) return wrong
      // Not the signature as it came, which can be written in more than one way, and changes with the secret.
      return { key: createHash('sha256').update(before).update(body).update(after).digest('base64url') }
    },
    headers: headersOf(auth),
    secrets,
    field: scheme.field,
    kinds: scheme.kinds,
  }
}

function headersOf(auth: Exclude<HookConfig['auth'], 'none'>): string[] {
  if (auth.type === 'github') return ['x-hub-signature-256', 'x-hub-signature']
  if (auth.type === 'slack') return ['x-slack-signature']
  if (auth.type === 'stripe') return ['stripe-signature']
  return [auth.header ?? 'authorization']
}

/** Of one length whatever was given, as a comparison in constant time wants it. */
const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

function isAny(wanted: readonly Buffer[], given: Buffer): boolean {
  let found = false
  // A length is no secret.
  for (const one of wanted) if (one.length === given.length && timingSafeEqual(one, given)) found = true
  return found
}
