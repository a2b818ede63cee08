// JWTs as nats-server writes and reads them (`ed25519-nkey`): the request that it asks the callout with, the user that a
// login becomes, the response that carries the user or a refusal.
import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { parseDuration } from '../base/duration.ts'
import { type Signer, verifyNkey } from '../bus/nkey.ts'
import type { Permissions } from '../protocol/permissions.ts'

const HEADER = base64url({ typ: 'JWT', alg: 'ed25519-nkey' })

/** What is longer is no request: the line of a login that the server takes is a fraction of it. */
const MAX_TOKEN = 64 * 1024

const text = z.string()
const serverKey = text.regex(/^N[A-Z2-7]{55}$/)

// Later servers may say more; what is read here must be as it is now.
const requestClaims = z.object({
  aud: z.literal('nats-authorization-request'),
  iss: serverKey,
  iat: z.number().int().positive(),
  nats: z.object({
    type: z.literal('authorization_request'),
    version: z.literal(2),
    server_id: z.object({ id: serverKey, name: text.optional() }),
    user_nkey: text.regex(/^U[A-Z2-7]{55}$/),
    client_info: z.object({
      id: z.number().int().nonnegative(),
      kind: text,
      type: text.optional(),
      host: text.optional(),
      nonce: text.optional(),
    }),
    connect_opts: z.object({
      nkey: text.optional(),
      sig: text.optional(),
      user: text.optional(),
      pass: text.optional(),
    }),
  }),
})
const joseHeader = z.object({ typ: z.literal('JWT'), alg: z.literal('ed25519-nkey') })

/** What the server asks the callout. */
export interface LoginRequest {
  /** Public nkey of the server that asks: another one after each of its starts. */
  server: string
  /** As its config names it. */
  serverName: string
  /** Public nkey that the server made for this connection: the subject of what is answered. */
  userNkey: string
  /** Seconds since the epoch by the clock of the server, which is the one that ends the login. */
  issuedAt: number
  /** `Client`, `Leafnode`, … and, of a client, `nats`, `websocket`, `mqtt`. */
  kind: string
  type: string | undefined
  host: string | undefined
  nonce: string | undefined
  /** As the client gave them; nothing of it is proved. */
  nkey: string | undefined
  sig: string | undefined
  user: string | undefined
  pass: string | undefined
}

/** Reads a request, or says what is wrong with it: its shape, or a signature that is not the server's that it names. */
export function readLoginRequest(token: string): LoginRequest | { problem: string } {
  if (token.length > MAX_TOKEN) return { problem: `it has ${token.length} characters, more than ${MAX_TOKEN}` }
  const parts = token.split('.')
  const [head, body, signature] = parts
  if (parts.length !== 3 || !head || !body || !signature) return { problem: 'it is no JWT' }
  const header = joseHeader.safeParse(readPart(head))
  if (!header.success) return { problem: 'it is no JWT of ed25519-nkey' }
  const claims = requestClaims.safeParse(readPart(body))
  if (!claims.success) {
    const issue = claims.error.issues[0]!
    return { problem: `${issue.path.join('.') || 'the claims'}: ${issue.message}` }
  }
  const { iss, iat, nats } = claims.data
  if (nats.server_id.id !== iss) return { problem: 'its issuer is another than the server that it comes from' }
  const signed = Buffer.from(token.slice(0, head.length + 1 + body.length))
  if (!verifyNkey('server', iss, signed, Buffer.from(signature, 'base64url')))
    return { problem: 'its signature is not of its issuer' }
  const { kind, type, host, nonce } = nats.client_info
  const { nkey, sig, user, pass } = nats.connect_opts
  const serverName = nats.server_id.name || iss
  return {
    server: iss,
    serverName,
    userNkey: nats.user_nkey,
    issuedAt: iat,
    kind,
    type,
    host,
    nonce,
    nkey,
    sig,
    user,
    pass,
  }
}

export interface UserClaims {
  /** What the server attests to services, and what it names the connection by. */
  name: string
  account: 'FLEET' | 'OPS'
  permissions: Permissions
  /** Seconds since the epoch. */
  expires: number
}

/**
 * When a login that is answered now ends, as `UserClaims` has it: after `ttl` milliseconds by the server's clock, give or
 * take a tenth, so that those who came together do not come together again.
 */
export const expiry = ({ issuedAt }: LoginRequest, ttl: number): number =>
  issuedAt + Math.max(1, Math.round((ttl / 1000) * (0.9 + Math.random() / 5)))

/** The response that lets the login in. */
export const acceptance = (issuer: Signer, request: LoginRequest, user: UserClaims): string =>
  response(issuer, request, { jwt: userJwt(issuer, request, user) })

/** The response that refuses it; the server logs `error`. */
export const refusal = (issuer: Signer, request: LoginRequest, error: string): string =>
  response(issuer, request, { error })

function response(issuer: Signer, { userNkey, server }: LoginRequest, said: { jwt: string } | { error: string }) {
  const nats = { ...said, type: 'authorization_response', version: 2 }
  return encode(issuer, { sub: userNkey, aud: server, nats })
}

function userJwt(issuer: Signer, { userNkey }: LoginRequest, { name, account, permissions, expires }: UserClaims) {
  const { publish, subscribe, responses } = permissions
  return encode(issuer, {
    sub: userNkey,
    name,
    aud: account,
    exp: expires,
    nats: {
      pub: only(publish),
      sub: only(subscribe),
      ...(responses ? { resp: { max: responses.max, ttl: parseDuration(responses.expires) * 1_000_000 } } : {}),
      // Of a login by callout the server takes no such limits (2.14): subscriptions are bounded in the config of the account.
      subs: -1,
      data: -1,
      payload: -1,
      type: 'user',
      version: 2,
    },
  })
}

/** A list that allows nothing would be read as no list, which allows everything. */
const only = (subjects: string[]) => (subjects.length > 0 ? { allow: subjects } : { deny: ['>'] })

function encode(issuer: Signer, claims: Record<string, unknown>): string {
  const iat = Math.floor(Date.now() / 1000)
  const body = base64url({ iat, iss: issuer.nkey, jti: randomBytes(16).toString('hex'), ...claims })
  const signed = `${HEADER}.${body}`
  return `${signed}.${issuer.sign(Buffer.from(signed)).toString('base64url')}`
}

function base64url(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

function readPart(part: string): unknown {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
  } catch {
    return undefined
  }
}
