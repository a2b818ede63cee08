// Secrets by the name of their key: what is shown, logged or put into an event goes through here first.
import { isObject } from './json.ts'

const SECRET_KEY =
  /^(?:.*[_-])?(?:pass|password|passwd|passphrase|pwd|secret|token|bearer|seed|auth|authorization|credentials?|cookie|(?:api|private|access|secret)[_-]?key)$/i
/** Wherever it stands: of a password that others can be tried against. */
const PASSWORD_HASH = /^scrypt\$\d/
export const REDACTED = '[redacted]'

export const isSecretKey = (key: string): boolean => SECRET_KEY.test(key)

/** A copy in which every value under a secret's key, and every password's hash, is `[redacted]`. */
export function redactSecrets(value: unknown): unknown {
  if (typeof value === 'string') return PASSWORD_HASH.test(value) ? REDACTED : value
  if (Array.isArray(value)) return value.map(redactSecrets)
  if (!isObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      isSecretKey(key) && inner !== null ? REDACTED : redactSecrets(inner),
    ]),
  )
}
