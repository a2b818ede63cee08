// Logging in by nkey, signed by Node's own Ed25519: the client's, in JavaScript, takes several times as long, which a
// command would spend at every start.
import { createPrivateKey, createPublicKey, sign } from 'node:crypto'
import { Prefix } from '@nats-io/nkeys'
import { Codec } from '@nats-io/nkeys/lib/codec.js'
import type { Authenticator } from '@nats-io/transport-node'

/** What stands before the 32 bytes of an Ed25519 key in PKCS #8 (RFC 8410). */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex')

/** Throws where the text is no seed of a user (`SU…`). */
export function nkeyLogin(seed: string): Authenticator {
  const { prefix, buf } = Codec.decodeSeed(Buffer.from(seed))
  if (prefix !== Prefix.User) throw new Error('it is the seed of something other than a user')
  const key = createPrivateKey({ key: Buffer.concat([PKCS8, buf]), format: 'der', type: 'pkcs8' })
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' })
  const nkey = Buffer.from(Codec.encode(Prefix.User, spki.subarray(-32))).toString()
  return nonce => ({ nkey, sig: nonce ? sign(null, Buffer.from(nonce), key).toString('base64') : '' })
}
