// Secrets by the name of their key: what is shown, logged or put into an event goes through here first.
import { isObject } from './json.ts'

const SECRET_KEY =
  /^(?:.*[_.-])?(?:pass|password|passwd|passphrase|pwd|secret|token|bearer|seed|auth|authorization|credentials?|cookie|(?:api|private|access|secret)[_-]?key)$/i
/** Wherever it stands: of a password that others can be tried against. */
const PASSWORD_HASH = /^scrypt\$\d/
export const REDACTED = '[redacted]'

/** Keys are few, and asked after again and again. */
const known = new Map<string, boolean>()
const MOST_KNOWN = 10_000

export function isSecretKey(key: string): boolean {
  const before = known.get(key)
  if (before !== undefined) return before
  const secret = SECRET_KEY.test(key)
  if (known.size < MOST_KNOWN && key.length < 100) known.set(key, secret)
  return secret
}

/** The value with `[redacted]` under every secret's key and for every password's hash; itself where there is nothing to hide. */
export function redactSecrets(value: unknown): unknown {
  if (typeof value === 'string') return value.startsWith('scrypt$') && PASSWORD_HASH.test(value) ? REDACTED : value
  if (Array.isArray(value)) {
    const shown = value.map(redactSecrets)
    return shown.some((inner, at) => inner !== value[at]) ? shown : value
  }
  if (!isObject(value)) return value
  let shown: Record<string, unknown> | undefined
  for (const key of Object.keys(value)) {
    const inner = value[key]
    const redacted = inner !== null && isSecretKey(key) ? REDACTED : redactSecrets(inner)
    if (redacted === inner) continue
    shown ??= { ...value }
    shown[key] = redacted
  }
  return shown ?? value
}
