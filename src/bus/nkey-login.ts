// Logging in by nkey, signed by Node's own Ed25519: the client's, in JavaScript, takes several times as long, which a
// command would spend at every start.
import type { Authenticator } from '@nats-io/transport-node'
import { createSigner } from './nkey.ts'

/** Throws where the text is no seed of a user (`SU…`). */
export function nkeyLogin(seed: string): Authenticator {
  const { nkey, sign } = createSigner(seed, 'user')
  return nonce => ({ nkey, sig: nonce ? sign(Buffer.from(nonce)).toString('base64') : '' })
}
