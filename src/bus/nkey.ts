// Nkeys as keys of node:crypto: its Ed25519 answers more than a thousand logins a second, the JavaScript one twenty.
import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto'
import { Prefix } from '@nats-io/nkeys'
import { Codec } from '@nats-io/nkeys/lib/codec.js'

/** What stands before the 32 bytes of an Ed25519 key in PKCS #8 (RFC 8410). */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex')

const KINDS = { account: Prefix.Account, server: Prefix.Server, user: Prefix.User } as const
export type NkeyKind = keyof typeof KINDS

/** Signs as one nkey; made once, because making the key costs as much as signing with it. */
export interface Signer {
  /** The public nkey. */
  nkey: string
  sign(bytes: Uint8Array): Buffer
}

/** Throws where the text is no seed of that kind. */
export function createSigner(seed: string, kind: NkeyKind): Signer {
  const { prefix, buf } = Codec.decodeSeed(Buffer.from(seed))
  if (prefix !== KINDS[kind]) throw new Error(`it is the seed of something other than ${aKind(kind)}`)
  const key = createPrivateKey({ key: Buffer.concat([PKCS8, buf]), format: 'der', type: 'pkcs8' })
  const raw = createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32)
  return {
    nkey: Buffer.from(Codec.encode(KINDS[kind], raw)).toString(),
    sign: bytes => sign(null, bytes, key),
  }
}

/** Whether the public nkey, which must be of that kind, made the signature. What is malformed proves nothing. */
export function verifyNkey(kind: NkeyKind, nkey: string, bytes: Uint8Array, signature: Uint8Array): boolean {
  // A checksum holds over any spelling that decodes: only the one that nkeys themselves have names a key.
  if (!/^[A-Z2-7]{56}$/.test(nkey) || signature.length !== 64) return false
  try {
    const raw = Codec.decode(KINDS[kind], Buffer.from(nkey))
    // As JWK: Node reads DER in six times the time.
    const jwk = { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(raw).toString('base64url') }
    return verify(null, bytes, createPublicKey({ key: jwk, format: 'jwk' }), signature)
  } catch {
    return false
  }
}

const aKind = (kind: NkeyKind): string => (kind === 'account' ? 'an account' : `a ${kind}`)
