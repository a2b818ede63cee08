// Whether a login holds the key that it names. The server offers each connection a nonce of its own and leaves it to the
// callout to see that it was signed: without that, whoever knows a public key could log in with it.
import { verifyNkey } from '../bus/nkey.ts'

/**
 * Whether `sig` is the nonce, signed by the nkey. The server takes base64 with and without padding and base64url, and so
 * do clients write it. A login that was offered no nonce proves nothing: its signature could be anyone's, kept from before.
 */
export function provesKey(nkey: string, sig: string, nonce: string | undefined): boolean {
  if (!nonce || !/^[A-Za-z0-9+/_-]{86}={0,2}$/.test(sig)) return false
  // Node reads both alphabets as base64.
  return verifyNkey('user', nkey, Buffer.from(nonce), Buffer.from(sig, 'base64'))
}
