// Public nkeys for tests, one for each name.
import { createUser } from '@nats-io/nkeys'

const known = new Map<string, string>()

export function nkeyOf(name: string): string {
  const nkey = known.get(name) ?? createUser().getPublicKey()
  known.set(name, nkey)
  return nkey
}
