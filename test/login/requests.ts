// Authorization requests as nats-server signs them, for tests that have no server.
import { createServer, createUser, type KeyPair } from '@nats-io/nkeys'
import { nkeyLogin } from '../../src/bus/nkey-login.ts'

export const seedOf = (pair: KeyPair): string => new TextDecoder().decode(pair.getSeed())

export const NONCE = 'Z944Oxzni3ab0dQ'

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** A JWT over the claims by the key. */
export function signedBy(
  pair: KeyPair,
  claims: unknown,
  header: unknown = { typ: 'JWT', alg: 'ed25519-nkey' },
): string {
  const signed = `${part(header)}.${part(claims)}`
  return `${signed}.${Buffer.from(pair.sign(Buffer.from(signed))).toString('base64url')}`
}

const server = createServer()

/** The claims of a request as a server of 2.14 makes them, which `alter` may change. */
export function requestClaims(connect: Record<string, unknown> = {}, pair = server) {
  const id = pair.getPublicKey()
  return {
    aud: 'nats-authorization-request',
    exp: 1795281872,
    jti: 'NNEDIHVBGDUMWJ6KCGC6YCCNHK4Q4GACXLVOMSVTYVCVB2ACWXUA',
    iat: 1795281866,
    iss: id,
    sub: 'ACDC247X4FJNMB3ULA6B4DZ6GV7RROHSLIKUJMN4J5MA7EZUU7Q2TCBH',
    nats: {
      server_id: { name: id, host: '127.0.0.1', id, version: '2.14.0' },
      user_nkey: createUser().getPublicKey(),
      client_info: { host: '10.0.0.7', id: 10, kind: 'Client', type: 'nats', nonce: NONCE },
      connect_opts: { lang: 'nats.js', version: '3.4.0', protocol: 1, ...connect },
      type: 'authorization_request',
      version: 2,
    },
  }
}

/** The request of a login, signed by the server. */
export const requestToken = (connect: Record<string, unknown> = {}): string => signedBy(server, requestClaims(connect))

/** `nkey` and `sig` of a login with the nonce. */
export const keyLogin = (pair: KeyPair, nonce = NONCE) =>
  nkeyLogin(seedOf(pair))(nonce) as { nkey: string; sig: string }
