// Secrets by the name of their key: what is shown, logged or put into an event goes through here first.
import { isObject } from './json.ts'

const SECRET_KEY =
  /^(?:.*[_-])?(?:pass|password|passwd|passphrase|pwd|secret|token|bearer|seed|auth|authorization|credentials?|cookie|(?:api|private|access|secret)[_-]?key)$/i
export const REDACTED = '[redacted]'

export const isSecretKey = (key: string): boolean => SECRET_KEY.test(key)

/** A copy in which every value under a secret's key is `[redacted]`. */
export function redactSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(redactSecrets)
  if (!isObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      isSecretKey(key) && inner !== null ? REDACTED : redactSecrets(inner),
    ]),
  )
}
